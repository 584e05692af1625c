// SPDX-License-Identifier: Apache-2.0
// What a guest finds when it starts, and how it talks and ends. Long because guests are written here in bytes
// with their disassembly beside them.
#include <gmock/gmock.h>
#include <poll.h>

#include <cstring>

#include "base/check.hpp"
#include "tests/vmm/boot/multiboot_elf.hpp"
#include "tests/vmm/machine/raw_guest.hpp"

namespace samepage::vmm {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using Boot = test::RawGuest;

const std::vector<std::uint8_t> exit_42{
    0xb0, 0x2a,  // mov al, 42
    0xe6, 0xf4,  // out 0xf4, al
    0xf4,        // hlt
};

TEST_F(Boot, GuestEndsWithItsCode) {
  const GuestExit exit = run(exit_42);
  EXPECT_EQ(exit.kind, GuestExit::Kind::exited) << exit.message;
  EXPECT_EQ(exit.code, 42);
}

TEST_F(Boot, EndedDescriptorBecomesReadable) {
  Machine& machine = make(exit_42);
  pollfd ended{machine.ended_fd(), POLLIN, 0};
  EXPECT_EQ(::poll(&ended, 1, 0), 0);
  machine.start();
  EXPECT_TRUE(wait_to_read(ended.fd, "the end of the guest"));
  EXPECT_EQ(test::end_of(machine).code, 42);
  EXPECT_EQ(test::end_of(machine).code, 42);
}

TEST_F(Boot, EbxLeadsToTheStartInfo) {
  const GuestExit exit = run({
      0x8b, 0x03,                    // mov eax, [ebx]
      0x3d, 0x78, 0xc5, 0x6e, 0x33,  // cmp eax, 0x336ec578
      0x0f, 0x94, 0xc0,              // sete al
      0xe6, 0xf4,                    // out 0xf4, al
  });
  EXPECT_EQ(exit.code, 1) << exit.message;
}

TEST_F(Boot, GuestReadsItsCommandLine) {
  MachineConfig config;
  config.command_line = "*";
  const GuestExit exit = run(
      {
          0x8b, 0x43, 0x18,  // mov eax, [ebx + 0x18]
          0x8a, 0x00,        // mov al, [eax]
          0xe6, 0xf4,        // out 0xf4, al
      },
      "", config);
  EXPECT_EQ(exit.code, '*') << exit.message;
}

TEST_F(Boot, StringOutputIsOneWrite) {
  const GuestExit exit = run(
      {
          0x66, 0xba, 0xf8, 0x03,        // mov dx, 0x3f8
          0xbe, 0x00, 0x08, 0x20, 0x00,  // mov esi, 0x200800
          0xb9, 0x06, 0x00, 0x00, 0x00,  // mov ecx, 6
          0xfc,                          // cld
          0xf3, 0x6e,                    // rep outsb
          0xb0, 0x00,                    // mov al, 0
          0xe6, 0xf4,                    // out 0xf4, al
      },
      "hello\n");
  EXPECT_EQ(exit.kind, GuestExit::Kind::exited) << exit.message;
  EXPECT_EQ(printed_, "hello\n");
  EXPECT_EQ(writes_, 1);
}

TEST_F(Boot, OutputWithoutNewlineComesAtTheEnd) {
  const GuestExit exit = run({
      0x66, 0xba, 0xf8, 0x03,  // mov dx, 0x3f8
      0xb0, 0x3f,              // mov al, '?'
      0xee,                    // out dx, al
      0xe6, 0xf4,              // out 0xf4, al
  });
  EXPECT_EQ(exit.code, '?') << exit.message;
  EXPECT_EQ(printed_, "?");
}

TEST_F(Boot, UartTellsThatItIsReady) {
  const GuestExit exit = run({
      0x66, 0xba, 0xfd, 0x03,  // mov dx, 0x3fd
      0xec,                    // in al, dx
      0xe6, 0xf4,              // out 0xf4, al
  });
  EXPECT_EQ(exit.code, 0x60) << exit.message;
}

TEST_F(Boot, FurtherVcpusWaitToBeStarted) {
  MachineConfig config;
  config.cpus = 3;
  EXPECT_EQ(run(exit_42, "", config).code, 42);
}

TEST_F(Boot, RamAboveTheHoleIsThere) {
  MachineConfig config;
  config.memory_bytes = std::uint64_t{3} << 30U;
  EXPECT_EQ(run(exit_42, "", config).code, 42);
  config.memory_bytes += 1U << 20U;
  EXPECT_EQ(run(exit_42, "", config).code, 42);
  ASSERT_EQ(machine_->ram().size(), 2U);
}

TEST_F(Boot, RomIsRead) {
  const std::string text = "+rom";
  const test::TemporaryFile rom(std::as_bytes(std::span(text)));
  MachineConfig config;
  config.roms = {{rom.path(), Gpa{0xd000'0000}}};
  const GuestExit exit = run(
      {
          0xa0, 0x00, 0x00, 0x00, 0xd0,  // mov al, [0xd0000000]
          0xe6, 0xf4,                    // out 0xf4, al
      },
      "", config);
  EXPECT_EQ(exit.code, '+') << exit.message;
  ASSERT_EQ(machine_->rom_ranges().size(), 1U);
  EXPECT_EQ(machine_->rom_ranges()[0], (GfnRange{Gfn{0xd0000}, PageCount{1}}));
}

// Copies, as the one that knows of nobody to share with.
class CopyingPlacer final : public dedup::ImagePlacer {
 public:
  explicit CopyingPlacer(const GuestMemory& memory) : memory_(memory.regions().front().bytes()) {}
  void place(std::span<const dedup::ImagePart> parts) override {
    for (const dedup::ImagePart& part : parts) {
      std::memcpy(memory_.data() + part.first.gpa().value, part.bytes.data(), part.bytes.size());
      pages_ += pages_in(part.bytes.size()).value;
    }
  }
  std::span<std::byte> memory_;
  std::uint64_t pages_ = 0;
};

TEST_F(Boot, TheImageCanBePlacedBySomebodyElse) {
  const test::TemporaryFile image(test::raw_image(exit_42, std::string(0x1800, 'x')));
  MachineConfig config;
  config.image = image.path();
  Chassis chassis(config);
  CopyingPlacer placer(chassis.memory);
  MachineLinks links;
  links.placer = &placer;
  Machine machine(config, GuestImage(config), chassis, links);
  EXPECT_EQ(placer.pages_, 2U);
  machine.start();
  EXPECT_EQ(test::end_of(machine).code, 42);
}

std::string complaint(const MachineConfig& config) {
  try {
    const GuestImage image(config);
    Chassis chassis(config);
    const Machine machine(config, image, chassis);
  } catch (const UserError& error) {
    return error.what();
  }
  return "";
}

// Each is cut short between the look at it and its way into memory.
TEST_F(Boot, AFileThatIsCutShortMeanwhileIsRefused) {
  const test::TemporaryFile image(test::raw_image(exit_42, std::string(0x1800, 'x')));
  const test::TemporaryFile initrd(std::vector<std::byte>(0x3000, std::byte{'i'}));
  MachineConfig config;
  config.image = image.path();
  config.initrd = initrd.path();
  for (const test::TemporaryFile* file : {&initrd, &image}) {
    const GuestImage opened(config);
    Chassis chassis(config);
    std::filesystem::resize_file(file->path(), 1);
    try {
      const Machine machine(config, opened, chassis);
      ADD_FAILURE() << "half of " << file->path() << " was taken for all";
    } catch (const UserError& error) {
      EXPECT_THAT(error.what(), AllOf(HasSubstr(file->path()), HasSubstr("cut short")));
    }
    std::filesystem::remove(initrd.path());
    config.initrd.clear();
  }
}

TEST_F(Boot, BadConfigurationsAreRefused) {
  const test::TemporaryFile image(test::raw_image(exit_42));
  const test::TemporaryFile empty(std::span<const std::byte>{});
  MachineConfig config;
  config.image = image.path();
  EXPECT_EQ(complaint(config), "");

  MachineConfig other = config;
  other.memory_bytes = 1U << 20U;
  EXPECT_THAT(complaint(other), HasSubstr("needs at least 4.0 MiB"));
  other = config;
  other.memory_bytes = std::uint64_t{1} << 60U;
  EXPECT_THAT(complaint(other), HasSubstr("more than this host's"));
  other = config;
  other.cpus = 0;
  EXPECT_THAT(complaint(other), HasSubstr("can't have 0 CPUs"));
  other = config;
  other.cpus = 1'000'000;
  EXPECT_THAT(complaint(other), HasSubstr("can't have 1000000 CPUs"));
  other = config;
  other.image = "/nonexistent";
  EXPECT_EQ(complaint(other), "cannot boot /nonexistent: No such file or directory");
  other.image = "/tmp";
  EXPECT_EQ(complaint(other), "cannot boot /tmp: it is no regular file");
  other.image = empty.path();
  EXPECT_THAT(complaint(other), HasSubstr("the file is empty"));
  other = config;
  other.roms = {{empty.path(), Gpa{0xd000'0000}}};
  EXPECT_THAT(complaint(other), HasSubstr("the file is empty"));
  other.roms = {{image.path(), Gpa{0}}};
  EXPECT_THAT(complaint(other), HasSubstr("the guest's RAM is there"));
}

/// Runs a Multiboot guest of `code`, which may look at its information.
class Multiboot : public test::RawGuest {
 protected:
  GuestExit run_multiboot(std::vector<std::uint8_t> code) {
    test::MultibootElf elf;
    elf.code = std::move(code);
    image_ = std::make_unique<test::TemporaryFile>(elf.bytes());
    MachineConfig config;
    config.image = image_->path();
    make(config).start();
    return test::end_of(*machine_);
  }
};

// Its code is what kvm-unit-tests do: eax is the loader's, and 4 bytes to the exit port end it.
TEST_F(Multiboot, StartsWithMagicAndInformation) {
  const GuestExit exit = run_multiboot({
      0x3d, 0x02, 0xb0, 0xad, 0x2b,  // cmp eax, 0x2badb002
      0x75, 0x08,                    // jne over
      0x8b, 0x03,                    // mov eax, [ebx]: the flags
      0x83, 0xe0, 0x45,              // and eax, memory | command line | memory map
      0xe7, 0xf4,                    // out 0xf4, eax
      0xf4,                          // hlt
      0xb8, 0xe7, 0x03, 0,    0,     // over: mov eax, 999
      0xe7, 0xf4,                    // out 0xf4, eax
      0xf4,
  });
  EXPECT_EQ(exit.kind, GuestExit::Kind::exited) << exit.message;
  EXPECT_EQ(exit.code, 0x45);
}

TEST_F(Multiboot, LargeExitCodesDoNotLookLikeSuccess) {
  EXPECT_EQ(run_multiboot({0xb8, 0x00, 0x01, 0, 0, 0xe7, 0xf4, 0xf4}).code, 255);  // 256
}

TEST_F(Multiboot, ProbesPortsAndAddressesAsOnAPc) {
  const GuestExit exit = run_multiboot({
      0xe4, 0x80,                    // in al, 0x80
      0x22, 0x05, 0,    0, 0, 0xd0,  // and al, [0xd0000000]
      0x25, 0xff, 0,    0, 0,        // and eax, 0xff
      0x83, 0xe8, 0x7f,              // sub eax, 127
      0xe7, 0xf4, 0xf4,              // out 0xf4, eax
  });
  EXPECT_EQ(exit.code, 128) << exit.message;
}

TEST_F(Multiboot, ResetsAndPowersOff) {
  // mov dx, 0x602; mov al, 1; out dx, al
  EXPECT_EQ(run_multiboot({0x66, 0xba, 0x02, 0x06, 0xb0, 0x01, 0xee, 0xf4}).kind, GuestExit::Kind::exited);
  // mov dx, 0x600; mov al, SLP_TYP 5, SLP_EN; out dx, al
  EXPECT_EQ(run_multiboot({0x66, 0xba, 0x00, 0x06, 0xb0, 0x34, 0xee, 0xf4}).kind, GuestExit::Kind::exited);
  // mov al, 0xfe; out 0x64, al: the keyboard controller's way
  EXPECT_EQ(run_multiboot({0xb0, 0xfe, 0xe6, 0x64, 0xf4}).kind, GuestExit::Kind::exited);
}

}  // namespace
}  // namespace samepage::vmm
