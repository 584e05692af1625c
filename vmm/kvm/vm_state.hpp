// SPDX-License-Identifier: Apache-2.0
// All of a VM that KVM keeps for all its vCPUs, as a plain value: interrupt controllers, interval timer,
// clock. Interrupt routing is KVM's own, which nobody changes. What KVM does not tell: ticks of the interval
// timer that wait to be injected, and interrupts that are on their way from an irqfd.
#pragma once

#include <linux/kvm.h>

#include <array>
#include <cstdint>
#include <optional>

#include "vmm/kvm/kernel_value.hpp"
#include "vmm/kvm/vm.hpp"

namespace samepage::vmm {

struct VmState {
  std::array<KernelValue<kvm_irqchip>, 3> controllers{};  // both PICs, then the IOAPIC
  std::optional<KernelValue<kvm_pit_state2>> interval_timer;
  std::uint64_t clock_ns = 0;  // KVM's, which its guests' clocks are made of

  bool operator==(const VmState&) const = default;
};

/// While no vCPU runs. Throws UserError that names what this KVM can't read.
VmState save(const Vm& vm);

// Of a VM that has not run yet, in this order. Each throws UserError that names what KVM does not take.
/// Before the vCPUs' state, which has the guest told of the time.
void restore_clock(const Vm& vm, std::uint64_t clock_ns);
/// After the vCPUs' state and the devices' lines: interrupts that wait go to their LAPICs.
void restore_controllers(const Vm& vm, const VmState& state);

}  // namespace samepage::vmm
