// SPDX-License-Identifier: Apache-2.0
// What is there before a machine and goes after it: the guest's memory, and the gate in front of it. The
// merging agent needs no more than this, so it can be there before the machine, and the machine goes before
// the agent.
#pragma once

#include "vmm/kvm/kvm.hpp"
#include "vmm/machine/guest_gate.hpp"
#include "vmm/machine/machine_config.hpp"
#include "vmm/memory/guest_memory.hpp"

namespace samepage::vmm {

struct Chassis {
  /// Reserves the memory. Throws UserError where /dev/kvm can't be used and for a number of vCPUs or a size
  /// of memory that this host can't have.
  explicit Chassis(const MachineConfig& config);

  Kvm kvm;
  GuestMemory memory;
  GuestGate gate;
};

}  // namespace samepage::vmm
