// SPDX-License-Identifier: Apache-2.0
// What happens when a vCPU comes out of the guest: which exit goes to which device, and what ends the guest.
// Called on the vCPU's thread. Touches no guest memory.
#pragma once

#include <optional>
#include <span>
#include <string>

#include "base/types.hpp"
#include "vmm/devices/mmio_bus.hpp"
#include "vmm/devices/port_bus.hpp"
#include "vmm/kvm/vcpu.hpp"
#include "vmm/machine/guest_exit.hpp"

namespace samepage::vmm {

/// What an access to a port or an address ends in that nothing answers at.
enum class Unclaimed : std::uint8_t {
  fails_guest,  // the guest was written for Samepage: it is told at once
  floats,       // as on a PC: reads give all ones, writes are lost; what probes for devices relies on it
};

/// What the handling of an exit needs to know of the machine.
struct ExitScene {
  const PortBus& ports;
  const MmioBus& mmio;
  Gpa ram_end;
  std::vector<GfnRange> roms;
  Unclaimed unclaimed = Unclaimed::fails_guest;
  bool reset_on_triple_fault = false;  // the guest said that it resets itself that way
  bool interprets_ring_0 = false;      // this host's KVM does
};

/// Whether this host's KVM interprets what runs in ring 0. For set-up: it looks at a file.
[[nodiscard]] bool host_interprets_ring_0();

/// Handles what `vcpu` exited for. Empty: the vCPU goes on.
[[nodiscard]] std::optional<GuestExit> handle_exit(Vcpu& vcpu, const ExitScene& scene);
/// The end of a guest whose KVM_RUN failed with `error`.
[[nodiscard]] GuestExit run_failed(const Vcpu& vcpu, int error);

}  // namespace samepage::vmm
