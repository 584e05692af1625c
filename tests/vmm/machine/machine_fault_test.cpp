// SPDX-License-Identifier: Apache-2.0
// Guests that do what no guest may: each stops with a reason that names what it did.
#include <gmock/gmock.h>

#include "tests/vmm/machine/raw_guest.hpp"

namespace samepage::vmm {
namespace {

using testing::AllOf;
using testing::AnyOf;
using testing::HasSubstr;

class Fault : public test::RawGuest {
 protected:
  std::string reason(const std::vector<std::uint8_t>& code, const MachineConfig& config = {}) {
    const GuestExit exit = run(code, "", config);
    EXPECT_EQ(exit.kind, GuestExit::Kind::failed);
    return exit.message;
  }
};

// Real CPUs shut down (exits_test.cpp has the text); a KVM that interprets ring 0 gives up before that.
TEST_F(Fault, ExceptionWithoutIdt) {
  const std::string text = reason({
      0x0f, 0x01, 0x1d, 0x00, 0x10, 0x20, 0x00,  // lidt [0x201000], which is zeros: no IDT
      0xcc,                                      // int3
  });
  EXPECT_THAT(text,
              AllOf(AnyOf(HasSubstr("triple fault"), HasSubstr("internal error 1")), HasSubstr("rip 0x")));
}

TEST_F(Fault, ReadOutsideRam) {
  const std::string text = reason({
      0xa1, 0x00, 0x00, 0x00, 0xd0,  // mov eax, [0xd0000000]
  });
  EXPECT_THAT(
      text, AllOf(HasSubstr("read 4 byte(s)"), HasSubstr("0xd0000000"), HasSubstr("RAM ends at 0x4000000")));
}

TEST_F(Fault, WriteOutsideRam) {
  const std::string text = reason({
      0xa2, 0x00, 0x00, 0x00, 0x04,  // mov [0x4000000], al: the first byte after RAM
  });
  EXPECT_THAT(text, AllOf(HasSubstr("wrote 1 byte(s)"), HasSubstr("0x4000000, where")));
}

TEST_F(Fault, UnknownPortWritten) {
  const std::string text = reason({
      0x66, 0xba, 0x34, 0x12,  // mov dx, 0x1234
      0xef,                    // out dx, eax
  });
  EXPECT_THAT(text, HasSubstr("wrote 4 byte(s) to port 0x1234, where there is no device"));
}

TEST_F(Fault, UnknownPortRead) {
  const std::string text = reason({
      0xe4, 0x80,  // in al, 0x80
  });
  EXPECT_THAT(text, HasSubstr("read 1 byte(s) from port 0x80, where there is no device"));
}

TEST_F(Fault, PortAccessAcrossADevicesEnd) {
  const std::string text = reason({
      0x66, 0xba, 0xff, 0x03,  // mov dx, 0x3ff
      0x66, 0xef,              // out dx, ax
  });
  EXPECT_THAT(text, HasSubstr("wrote 2 byte(s) to port 0x3ff, across the end of a device"));
}

TEST_F(Fault, RomWritten) {
  const std::string content = "read-only";
  const test::TemporaryFile rom(std::as_bytes(std::span(content)));
  MachineConfig config;
  config.roms = {{rom.path(), Gpa{0xd000'0000}}};
  const std::string text = reason(
      {
          0xa2, 0x04, 0x00, 0x00, 0xd0,  // mov [0xd0000004], al
      },
      config);
  EXPECT_THAT(text, AllOf(HasSubstr("0xd0000004"), HasSubstr("ROM at 0xd0000000"), HasSubstr("read-only")));
}

TEST_F(Fault, ReadBehindARomIsNoWriteToIt) {
  const std::string content = "read-only";
  const test::TemporaryFile rom(std::as_bytes(std::span(content)));
  MachineConfig config;
  config.roms = {{rom.path(), Gpa{0xd000'0000}}};
  const std::string text = reason(
      {
          0xa0, 0x00, 0x10, 0x00, 0xd0,  // mov al, [0xd0001000]
      },
      config);
  EXPECT_THAT(text, HasSubstr("neither RAM nor ROM"));
}

// KVM can't reach such memory for the guest; nothing of ours does.
TEST_F(Fault, RomThatWasCutShort) {
  const test::TemporaryFile rom(std::vector<std::byte>(0x2000, std::byte{'r'}));
  MachineConfig config;
  config.roms = {{rom.path(), Gpa{0xd000'0000}}};
  const std::vector<std::uint8_t> read_second_page{
      0xa0, 0x00, 0x10, 0x00, 0xd0,  // mov al, [0xd0001000]
  };
  Machine& machine = make(read_second_page, "", config);
  std::filesystem::resize_file(rom.path(), 0x1000);
  machine.start();
  const GuestExit exit = test::end_of(machine);
  EXPECT_EQ(exit.kind, GuestExit::Kind::failed);
  EXPECT_THAT(exit.message, HasSubstr("cut short"));
}

}  // namespace
}  // namespace samepage::vmm
