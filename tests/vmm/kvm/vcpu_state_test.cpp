// SPDX-License-Identifier: Apache-2.0
// Every set of registers of a vCPU, marked with values of its own, is there in another one.
#include "vmm/kvm/vcpu_state.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>

#include <optional>
#include <utility>

#include "vmm/kvm/vm_state.hpp"

namespace samepage::vmm {
namespace {

class StateOfVcpu : public testing::Test {
 protected:
  struct OneVcpu {
    explicit OneVcpu(const Kvm& kvm) : vm(kvm), vcpu(made(kvm, vm)) {}
    static Vcpu made(const Kvm& kvm, const Vm& vm) {
      vm.add_interrupt_controllers();
      Vcpu vcpu(vm.create_vcpu(0), kvm.vcpu_layout());
      vcpu.set_cpuid(kvm.supported_cpuid());
      return vcpu;
    }
    Vm vm;
    Vcpu vcpu;
  };

  void SetUp() override {
    const UniqueFd fd(::open("/dev/kvm", O_RDWR | O_CLOEXEC));
    if (!fd) GTEST_SKIP() << "/dev/kvm can't be opened";
    kvm_.emplace();
    msrs_ = state_msrs(*kvm_);
    OneVcpu fresh(*kvm_);
    state_ = save(fresh.vcpu, msrs_);
  }
  /// What another vCPU has that was given `state_`.
  VcpuState restored() {
    OneVcpu other(*kvm_);
    restore(other.vcpu, state_, 0);
    return save(other.vcpu, msrs_);
  }
  std::uint64_t& msr(std::uint32_t index) {
    for (Msr& msr : state_.msrs) {
      if (msr.index == index) return msr.value;
    }
    ADD_FAILURE() << "this KVM has no MSR " << index;
    static std::uint64_t none = 0;
    return none;
  }

  std::optional<Kvm> kvm_;
  std::vector<std::uint32_t> msrs_;
  VcpuState state_;
};

TEST_F(StateOfVcpu, OneThatIsFresh) {
  EXPECT_EQ(restored(), state_);
}

TEST_F(StateOfVcpu, RunState) {
  state_.mp_state.mp_state = KVM_MP_STATE_HALTED;
  EXPECT_EQ(restored().mp_state, state_.mp_state);
}

TEST_F(StateOfVcpu, Registers) {
  kvm_regs& regs = state_.regs;
  std::uint64_t next = 0x0101'0101'0101'0101;
  for (auto* reg : {&regs.rax, &regs.rbx, &regs.rcx, &regs.rdx, &regs.rsi, &regs.rdi, &regs.rsp, &regs.rbp,
                    &regs.r8, &regs.r9, &regs.r10, &regs.r11, &regs.r12, &regs.r13, &regs.r14, &regs.r15}) {
    *reg = next += 0x0101'0101'0101'0101;
  }
  regs.rip = 0x1234;
  regs.rflags = 0x0ad7;  // all the flags of arithmetic, and direction
  EXPECT_EQ(restored().regs, state_.regs);
}

TEST_F(StateOfVcpu, SpecialRegisters) {
  kvm_sregs2& sregs = state_.sregs;
  sregs.cr2 = 0x2222'2000;
  sregs.cr3 = 0x3333'3000;
  sregs.cr4 = 0x620;
  sregs.cr8 = 5;
  sregs.fs.base = 0xf5f5;
  sregs.gs.base = 0x6565;
  sregs.gdt.base = 0x6d71;
  sregs.gdt.limit = 0x7f;
  sregs.idt.base = 0x1d71;
  sregs.idt.limit = 0xff;
  const std::size_t task_priority = 0x80;
  state_.lapic.regs[task_priority] = 0x50;  // cr8 is its upper half
  EXPECT_EQ(restored().sregs, state_.sregs);
}

TEST_F(StateOfVcpu, FpuSseAndAvx) {
  std::vector<std::uint8_t>& area = state_.xsave;
  for (std::size_t i = 0; i < 8; ++i) {
    std::fill_n(area.begin() + static_cast<std::ptrdiff_t>(32 + 16 * i), 10,
                static_cast<std::uint8_t>(0x10 + i));
  }
  std::fill_n(area.begin() + 160, 256, std::uint8_t{0x3c});  // XMM0 to XMM15
  area[24] = 0xa0;                                           // MXCSR: no exception for precision
  area[512] = 0x3;                                           // what is there: x87, SSE,
  const bool avx = (state_.xcrs.nr_xcrs != 0) && [&] {
    for (const auto& entry : state_.cpuid) {
      if (entry.function == 0xd && entry.index == 0) return (entry.eax & 4U) != 0;
    }
    return false;
  }();
  if (avx) {
    area[512] = 0x7;  // AVX
    std::fill_n(area.begin() + 576, 256, std::uint8_t{0x4d});
  }
  EXPECT_EQ(restored().xsave, state_.xsave);
}

TEST_F(StateOfVcpu, ExtendedControlRegisters) {
  if (state_.xcrs.nr_xcrs == 0) GTEST_SKIP() << "this CPU has none";
  state_.xcrs.xcrs[0].value = 3;
  EXPECT_EQ(restored().xcrs, state_.xcrs);
}

TEST_F(StateOfVcpu, DebugRegisters) {
  for (std::size_t i = 0; i < 4; ++i) state_.debug.db[i] = 0x1000 * (i + 1);
  state_.debug.dr6 = 0xffff'0ff5;
  state_.debug.dr7 = 0x455;
  EXPECT_EQ(restored().debug, state_.debug);
}

TEST_F(StateOfVcpu, LocalApic) {
  const auto put = [this](std::size_t place, std::uint32_t value) {
    std::memcpy(state_.lapic.regs + place, &value, sizeof(value));
  };
  put(0x80, 0x30);          // task priority
  put(0xd0, 0x0200'0000);   // logical destination
  put(0xf0, 0x1ff);         // on
  put(0x320, 0x0001'00ec);  // timer: masked
  put(0x350, 0x0001'0700);  // LINT0
  put(0x3e0, 0xb);          // divide by 1
  put(0x110, 0x2);          // in service: vector 33
  state_.sregs.cr8 = 3;
  const VcpuState other = restored();
  for (const std::size_t place : {0x20U, 0x80U, 0xd0U, 0xf0U, 0x110U, 0x320U, 0x350U, 0x3e0U}) {
    EXPECT_EQ(std::memcmp(other.lapic.regs + place, state_.lapic.regs + place, 4), 0) << place;
  }
}

TEST_F(StateOfVcpu, ModelSpecificRegisters) {
  msr(0x174) = 0x10;  // SYSENTER
  msr(0x175) = 0x1111'1111;
  msr(0x176) = 0x2222'2222;
  msr(0xc000'0081) = 0x23'0010'0000'0000;  // STAR
  msr(0xc000'0082) = 0x4444'4444;          // LSTAR
  msr(0xc000'0084) = 0x4'7700;             // SFMASK
  msr(0xc000'0102) = 0x5555'5555;          // KERNEL_GS_BASE
  msr(0x277) = 0x0007'0406'0007'0401;      // PAT
  msr(0x2ff) = 0xc06;                      // MTRR: default type
  msr(0x250) = 0x0606'0606'0606'0606;      // MTRR: a fixed range
  msr(0x3b) = 0x77;                        // TSC_ADJUST
  EXPECT_EQ(restored().msrs, state_.msrs);
}

TEST_F(StateOfVcpu, Events) {
  state_.events.nmi.masked = 1;
  state_.events.nmi.pending = 1;
  state_.events.interrupt.shadow = KVM_X86_SHADOW_INT_STI;
  VcpuState other = restored();
  // AMD's processors have one shadow for both of its causes.
  EXPECT_NE(std::exchange(other.events.interrupt.shadow, state_.events.interrupt.shadow), 0);
  EXPECT_EQ(other.events, state_.events);
}

TEST_F(StateOfVcpu, TheCpuidItWasGiven) {
  state_.cpuid.back().ebx ^= 1;
  EXPECT_EQ(restored().cpuid, state_.cpuid);
}

// Where KVM gives each guest the host's counter, that is said.
TEST_F(StateOfVcpu, TimeStampCounter) {
  OneVcpu other(*kvm_);
  constexpr std::uint64_t shift = 1'000'000'000'000;
  try {
    restore(other.vcpu, state_, shift);
  } catch (const UserError& error) {
    EXPECT_THAT(error.what(), testing::HasSubstr("time-stamp counter"));
    return;
  }
  const std::uint64_t shifted = save(other.vcpu, msrs_).tsc.offset - state_.tsc.offset;
  EXPECT_LT(shifted - shift + 1'000'000'000, 2'000'000'000U);
}

TEST_F(StateOfVcpu, WhatKvmRefusesIsNamed) {
  const auto why = [this] {
    try {
      restored();
    } catch (const UserError& error) {
      return std::string(error.what());
    }
    return std::string("it was taken");
  };
  const VcpuState right = state_;
  state_.debug.flags = 1;
  EXPECT_THAT(why(), testing::HasSubstr("debug registers"));
  state_ = right;
  state_.mp_state.mp_state = 99;
  EXPECT_THAT(why(), testing::HasSubstr("run state"));
  state_ = right;
  state_.msrs.push_back({0x4711'0815, 1});
  EXPECT_THAT(why(), testing::HasSubstr("MSR 0x47110815"));
}

TEST_F(StateOfVcpu, TheClockOfItsVm) {
  OneVcpu other(*kvm_);
  constexpr std::uint64_t day = 86'400'000'000'000;
  restore_clock(other.vm, day);
  EXPECT_GE(save(other.vm).clock_ns, day);
  EXPECT_LT(save(other.vm).clock_ns, 2 * day);
}

}  // namespace
}  // namespace samepage::vmm
