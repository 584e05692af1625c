// SPDX-License-Identifier: Apache-2.0
#include "vmm/kvm/vm_state.hpp"

#include <fmt/format.h>
#include <sys/ioctl.h>

#include <cerrno>
#include <cstring>
#include <string_view>

#include "base/check.hpp"

namespace samepage::vmm {
namespace {

constexpr std::array<std::string_view, 3> names{"first PIC", "second PIC", "IOAPIC"};
constexpr std::string_view timer = "interval timer";
static_assert(KVM_IRQCHIP_PIC_MASTER == 0 && KVM_IRQCHIP_PIC_SLAVE == 1 && KVM_IRQCHIP_IOAPIC == 2);

void require(int result, std::string_view verb, std::string_view what) {
  if (result >= 0) return;
  throw UserError(fmt::format("cannot {} a guest's {}: {}", verb, what, std::strerror(errno)));
}

}  // namespace

VmState save(const Vm& vm) {
  VmState state;
  for (std::size_t i = 0; i < names.size(); ++i) {
    kvm_irqchip& chip = state.controllers.at(i);
    chip.chip_id = static_cast<std::uint32_t>(i);
    require(::ioctl(vm.fd(), KVM_GET_IRQCHIP, &chip), "save", names.at(i));
  }
  KernelValue<kvm_pit_state2> pit{};
  const int got = ::ioctl(vm.fd(), KVM_GET_PIT2, static_cast<kvm_pit_state2*>(&pit));
  if (got >= 0) {
    state.interval_timer = pit;
  } else if (errno != ENXIO) {  // it has none
    require(got, "save", timer);
  }
  kvm_clock_data clock{};
  require(::ioctl(vm.fd(), KVM_GET_CLOCK, &clock), "save", "clock");
  state.clock_ns = clock.clock;
  return state;
}

void restore_clock(const Vm& vm, std::uint64_t clock_ns) {
  kvm_clock_data clock{};
  clock.clock = clock_ns;
  require(::ioctl(vm.fd(), KVM_SET_CLOCK, &clock), "restore", "clock");
}

void restore_controllers(const Vm& vm, const VmState& state) {
  for (std::size_t i = 0; i < names.size(); ++i) {
    kvm_irqchip chip = state.controllers.at(i);
    chip.chip_id = static_cast<std::uint32_t>(i);  // whatever the state says
    require(::ioctl(vm.fd(), KVM_SET_IRQCHIP, &chip), "restore", names.at(i));
  }
  if (!state.interval_timer) return;
  const kvm_pit_state2 pit = *state.interval_timer;
  require(::ioctl(vm.fd(), KVM_SET_PIT2, &pit), "restore", timer);
}

}  // namespace samepage::vmm
