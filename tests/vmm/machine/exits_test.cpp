// SPDX-License-Identifier: Apache-2.0
// Exits that no guest can bring about on every host: the run area is filled in by hand, beside a real vCPU
// whose registers the reasons name.
#include "vmm/machine/exits.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cstring>

#include "vmm/kvm/vm.hpp"

namespace samepage::vmm {
namespace {

using testing::HasSubstr;

/// Keeps what is written; reads count up.
struct FakeDevice final : PortDevice {
  void write(std::uint16_t /*offset*/, std::span<const std::byte> data) override {
    for (const std::byte byte : data) written += static_cast<char>(byte);
    ++writes;
  }
  void read(std::uint16_t /*offset*/, std::span<std::byte> data) override {
    for (std::byte& byte : data) byte = std::byte{next++};
  }
  std::string written;
  int writes = 0;
  std::uint8_t next = 1;
};

class Exits : public testing::Test {
 protected:
  void SetUp() override {
    const UniqueFd device(::open("/dev/kvm", O_RDWR | O_CLOEXEC));
    if (!device) GTEST_SKIP() << "/dev/kvm can't be opened";
    const Kvm kvm;
    vm_.emplace(kvm);
    vcpu_.emplace(vm_->create_vcpu(0), kvm.vcpu_layout());
    kvm_regs regs{};
    regs.rip = 0x1234;
    regs.rflags = 2;
    vcpu_->set_regs(regs);
    ASSERT_TRUE(ports_.add(0x10, 2, device_));
  }
  kvm_run& exit(std::uint32_t reason) {
    vcpu_->exit().exit_reason = reason;
    return vcpu_->exit();
  }
  std::optional<GuestExit> handle() { return handle_exit(*vcpu_, {ports_, mmio_, Gpa{0x40'0000}, {}}); }
  std::string reason() {
    const auto end = handle();
    EXPECT_TRUE(end && end->kind == GuestExit::Kind::failed);
    return end ? end->message : "";
  }
  /// A port exit whose data lies where KVM puts it, on the page after kvm_run.
  std::span<std::byte> port_exit(std::uint8_t direction, std::uint16_t port, std::uint8_t size,
                                 std::uint32_t count) {
    exit(KVM_EXIT_IO).io = {direction, size, port, count, 4096};
    return vcpu_->port_data();
  }

  FakeDevice device_;
  PortBus ports_;
  MmioBus mmio_;
  std::optional<Vm> vm_;
  std::optional<Vcpu> vcpu_;
};

TEST_F(Exits, StringOutputGoesElementByElement) {
  std::memcpy(port_exit(KVM_EXIT_IO_OUT, 0x10, 2, 3).data(), "abcdef", 6);
  EXPECT_FALSE(handle());
  EXPECT_EQ(device_.written, "abcdef");
  EXPECT_EQ(device_.writes, 3);
}

TEST_F(Exits, StringInputFillsEveryElement) {
  const auto data = port_exit(KVM_EXIT_IO_IN, 0x11, 1, 3);
  EXPECT_FALSE(handle());
  EXPECT_EQ(data[2], std::byte{3});
}

TEST_F(Exits, NothingToDo) {
  for (const auto reason : {KVM_EXIT_HLT, KVM_EXIT_INTR, KVM_EXIT_IRQ_WINDOW_OPEN}) {
    exit(static_cast<std::uint32_t>(reason));
    EXPECT_FALSE(handle());
  }
}

TEST_F(Exits, TripleFaultNamesRip) {
  exit(KVM_EXIT_SHUTDOWN);
  const std::string text = reason();
  EXPECT_THAT(text, HasSubstr("triple fault"));
  EXPECT_THAT(text, HasSubstr("rip 0x1234"));
}

TEST_F(Exits, InternalErrorNamesItsNumber) {
  exit(KVM_EXIT_INTERNAL_ERROR).internal.suberror = KVM_INTERNAL_ERROR_EMULATION;
  EXPECT_THAT(reason(), HasSubstr("internal error 1, an instruction that it can't emulate; rip 0x1234"));
}

TEST_F(Exits, FailedEntryNamesTheHardwareReason) {
  exit(KVM_EXIT_FAIL_ENTRY).fail_entry.hardware_entry_failure_reason = 0x8000'0021;
  EXPECT_THAT(reason(), HasSubstr("0x80000021"));
}

TEST_F(Exits, SystemEvents) {
  exit(KVM_EXIT_SYSTEM_EVENT).system_event.type = KVM_SYSTEM_EVENT_SHUTDOWN;
  const auto end = handle();
  ASSERT_TRUE(end);
  EXPECT_EQ(end->kind, GuestExit::Kind::exited);
  exit(KVM_EXIT_SYSTEM_EVENT).system_event.type = KVM_SYSTEM_EVENT_RESET;
  EXPECT_THAT(reason(), HasSubstr("asked to be reset"));
  exit(KVM_EXIT_SYSTEM_EVENT).system_event.type = KVM_SYSTEM_EVENT_CRASH;
  EXPECT_THAT(reason(), HasSubstr("crashed"));
}

TEST_F(Exits, UnknownExitIsNamed) {
  exit(4711);
  EXPECT_THAT(reason(), HasSubstr("4711"));
}

TEST_F(Exits, FailedRunNamesTheError) {
  EXPECT_THAT(run_failed(*vcpu_, EFAULT).message, HasSubstr("Bad address"));
}

TEST_F(Exits, WhereNothingAnswersAStockKernelReadsOnes) {
  const MmioBus mmio;
  ExitScene scene{ports_, mmio, Gpa{0x40'0000}, {}};
  scene.unclaimed = Unclaimed::floats;
  const auto data = port_exit(KVM_EXIT_IO_IN, 0x80, 2, 2);
  EXPECT_FALSE(handle_exit(*vcpu_, scene));
  for (const std::byte byte : data) EXPECT_EQ(byte, std::byte{0xff});
  port_exit(KVM_EXIT_IO_OUT, 0x80, 1, 1);
  EXPECT_FALSE(handle_exit(*vcpu_, scene));

  exit(KVM_EXIT_MMIO).mmio = {0xd000'0000, {}, 4, 0};
  EXPECT_FALSE(handle_exit(*vcpu_, scene));
  EXPECT_EQ(vcpu_->exit().mmio.data[3], 0xff);
  EXPECT_EQ(vcpu_->exit().mmio.data[4], 0);
  exit(KVM_EXIT_MMIO).mmio = {0xd000'0000, {}, 4, 1};
  EXPECT_FALSE(handle_exit(*vcpu_, scene));
}

TEST_F(Exits, TripleFaultIsAResetForWhoSaidSo) {
  const MmioBus mmio;
  ExitScene scene{ports_, mmio, Gpa{0x40'0000}, {}};
  scene.reset_on_triple_fault = true;
  exit(KVM_EXIT_SHUTDOWN);
  const auto end = handle_exit(*vcpu_, scene);
  ASSERT_TRUE(end);
  EXPECT_EQ(end->kind, GuestExit::Kind::exited);
}

}  // namespace
}  // namespace samepage::vmm
