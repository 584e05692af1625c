// SPDX-License-Identifier: Apache-2.0
// A machine's state with something of everything in it, made without KVM.
#pragma once

#include <cstring>

#include "vmm/machine/machine_state.hpp"

namespace samepage::vmm::test {

inline MachineState sample_state() {
  MachineState state;
  state.memory_bytes = std::uint64_t{64} << 20U;
  state.bare = true;
  state.reset_on_triple_fault = true;
  state.moment = {"boot", 1, ~std::uint64_t{0}, 3};
  state.pc.console.waiting = "half a li\xff";
  state.pc.uart = {std::string("typed\0", 6), true, true, {1, 2}, 3, 4, 5, 6, 7};
  state.pc.firmware_config = {std::uint16_t{3}, 4};

  TransportState transport{1, 2, 3, {15, 0x1'3000'0000, 1, 7, {}}};
  transport.registers.queues.push_back({{16, Gpa{0}, Gpa{0x8000}, Gpa{0xc000}}, true, {9, 8}});
  transport.registers.queues.emplace_back();
  state.virtio.push_back({4, transport, NoState{}});
  state.virtio.push_back({2, transport, BlockState{4711}});
  state.virtio.push_back({1, transport, NetState{{2, 3, 4, 5, 6, 7}, "a packet"}});
  state.virtio.push_back({3, transport, VirtioConsoleState{"ls\n", 5}});
  BalloonState balloon{1, 2, true, 3, {}};
  balloon.statistics[4] = 5;
  state.virtio.push_back({5, transport, balloon});
  state.virtio.push_back({27, transport, PmemState{0x1'0000'0000, 0x20'0000, true}});

  state.vm.controllers[2].chip.ioapic.irr = 0x80;
  state.vm.interval_timer.emplace().channels[1].count = 17;
  state.vm.clock_ns = 18;

  VcpuState vcpu;
  vcpu.cpuid.resize(2);
  vcpu.cpuid[1].function = 7;
  vcpu.mp_state.mp_state = KVM_MP_STATE_HALTED;
  vcpu.regs.rip = 0x1234;
  vcpu.sregs.cr4 = 0x620;
  vcpu.xsave.assign(4096, 0x5a);
  vcpu.xcrs.nr_xcrs = 1;
  vcpu.debug.dr7 = 0x400;
  std::memset(vcpu.lapic.regs, 'l', sizeof(vcpu.lapic.regs));
  vcpu.msrs = {{0x174, 1}, {0xc000'0081, ~std::uint64_t{0}}};
  vcpu.events.nmi.masked = 1;
  vcpu.tsc = {2'000'000, 0 - std::uint64_t{5}};
  state.vcpus = {vcpu, VcpuState{}};
  return state;
}

}  // namespace samepage::vmm::test
