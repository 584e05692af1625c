// SPDX-License-Identifier: Apache-2.0
#include "vmm/boot/requirements.hpp"
#include "vmm/boot/reboot_option.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/check.hpp"
#include "vmm/memory/layout.hpp"

namespace samepage::vmm {
namespace {

using testing::HasSubstr;

constexpr std::uint64_t mib = 1U << 20;
constexpr std::uint64_t gib = 1U << 30;

/// The text of the UserError that `call` throws, "" when it throws none.
template <typename Call>
std::string complaint(Call call) {
  try {
    call();
  } catch (const UserError& error) {
    return error.what();
  }
  return "";
}

Image image_to(std::uint64_t end) {
  return {Gpa{mib}, {{0, 0, Gpa{mib}, end - mib}}};
}

std::string place(std::vector<RomPlace> roms, std::uint64_t memory = 64 * mib) {
  return complaint([&] { require_rom_places(roms, memory); });
}

TEST(Requirements, MemoryIsWholePages) {
  EXPECT_EQ(complaint([] { require_memory_size(64 * mib, gib); }), "");
  EXPECT_THAT(complaint([] { require_memory_size(64 * mib + 1, gib); }), HasSubstr("multiple of 4096"));
  EXPECT_THAT(complaint([] { require_memory_size(0, gib); }), HasSubstr("multiple of 4096"));
}

TEST(Requirements, MemoryIsNotLargerThanTheHosts) {
  EXPECT_EQ(complaint([] { require_memory_size(gib, gib); }), "");
  const std::string text = complaint([] { require_memory_size(2 * gib, gib); });
  EXPECT_THAT(text, HasSubstr("2.0 GiB"));
  EXPECT_THAT(text, HasSubstr("1.0 GiB"));
}

TEST(Requirements, MemoryHoldsTheImageAndTwoMebibytes) {
  EXPECT_EQ(complaint([] { require_room("hello", image_to(3 * mib), 5 * mib); }), "");
  const std::string text = complaint([] { require_room("hello", image_to(3 * mib), 5 * mib - 4096); });
  EXPECT_THAT(text, HasSubstr("cannot boot hello"));
  EXPECT_THAT(text, HasSubstr("5.0 MiB (5120K)"));
}

TEST(Requirements, CpusAreWithinKvmsLimit) {
  EXPECT_EQ(complaint([] { require_cpus(1, 8); }), "");
  EXPECT_EQ(complaint([] { require_cpus(8, 8); }), "");
  EXPECT_THAT(complaint([] { require_cpus(0, 8); }), HasSubstr("1 to 8"));
  EXPECT_THAT(complaint([] { require_cpus(9, 8); }), HasSubstr("9 CPUs"));
  // KVM has more than the 8-bit APIC ids of our tables.
  EXPECT_EQ(complaint([] { require_cpus(255, 4096); }), "");
  EXPECT_THAT(complaint([] { require_cpus(256, 4096); }), HasSubstr("1 to 255"));
}

TEST(Requirements, CommandLineFitsWithItsEnd) {
  EXPECT_EQ(complaint([] {
              require_command_line(std::string(layout::command_line_bytes - 1, 'x'), ImageKind::bare, "a");
            }),
            "");
  EXPECT_THAT(complaint([] {
                require_command_line(std::string(layout::command_line_bytes, 'x'), ImageKind::bare, "a");
              }),
              HasSubstr("at most 3071"));
}

TEST(Requirements, RomsLieInTheHoleOrAboveRam) {
  EXPECT_EQ(place({{"a", Gpa{0xd000'0000}, mib}, {"b", Gpa{0xd010'0000}, 1}}), "");
  EXPECT_EQ(place({{"a", Gpa{64 * mib}, 1}}), "");
  EXPECT_EQ(place({{"a", Gpa{5 * gib}, gib}}), "");
}

TEST(Requirements, RomsAreOutsideRam) {
  EXPECT_THAT(place({{"a", Gpa{64 * mib - 4096}, 1}}), HasSubstr("from 0x4000000 on"));
  EXPECT_THAT(place({{"a", Gpa{4 * gib}, 1}}, 4 * gib), HasSubstr("RAM is there"));
}

TEST(Requirements, RomsAreOutsideTheDevices) {
  EXPECT_EQ(place({{"a", Gpa{0xfebf'f000}, 4096}}), "");
  EXPECT_THAT(place({{"a", Gpa{0xfebf'f000}, 4097}}), HasSubstr("interrupt controllers"));
}

TEST(Requirements, RomsDoNotOverlap) {
  EXPECT_THAT(place({{"first", Gpa{0xd000'0000}, 4097}, {"second", Gpa{0xd000'1000}, 1}}),
              HasSubstr("ROM first reaches from 0xd0000000 to 0xd0002000"));
}

TEST(Requirements, RomAddressesAreAlignedAndReachable) {
  EXPECT_THAT(place({{"a", Gpa{0xd000'0001}, 1}}), HasSubstr("multiple of 4096"));
  EXPECT_THAT(place({{"a", Gpa{layout::rom_limit.value - 4096}, 8192}}), HasSubstr("must end below"));
  EXPECT_THAT(place({{"a", Gpa{~std::uint64_t{0} - 4095}, 8192}}), HasSubstr("must end below"));
}

TEST(Requirements, RomsFitIntoTheMemoryMap) {
  std::vector<RomPlace> roms;
  for (std::uint64_t i = 0; i < layout::max_roms; ++i) roms.push_back({"a", Gpa{0xd000'0000 + i * 4096}, 1});
  EXPECT_EQ(place(roms), "");
  roms.push_back({"a", Gpa{0xe000'0000}, 1});
  EXPECT_THAT(place(roms), HasSubstr("at most 34"));
}

TEST(Requirements, LinuxNeedsHardwareVirtualization) {
  const auto complaint_of = [](ImageKind kind, std::string_view flags) {
    return complaint([&] { require_hardware_virtualization("k", kind, flags); });
  };
  EXPECT_EQ(complaint_of(ImageKind::linux_kernel, "fpu svm"), "");
  EXPECT_EQ(complaint_of(ImageKind::linux_kernel, "vmx"), "");
  EXPECT_EQ(complaint_of(ImageKind::bare, "fpu"), "");
  EXPECT_EQ(complaint_of(ImageKind::multiboot, ""), "");
  for (const std::string_view flags : {"", "fpu svm_lock avmx"}) {
    EXPECT_THAT(complaint_of(ImageKind::linux_kernel, flags), HasSubstr("neither VT-x nor AMD-V"));
  }
}

TEST(Requirements, LinuxCutsCommandLinesOff) {
  const std::string words(2048, 'x');
  EXPECT_THAT(complaint([&] { require_command_line(words, ImageKind::linux_kernel, "k"); }),
              HasSubstr("at most 2047"));
}

TEST(Requirements, InitrdGoesHighButWithinReach) {
  const Gpa image_end{0x200'0000};
  EXPECT_EQ(initrd_address("i", 5000, image_end, 256U << 20).value, (256U << 20) - 8192);
  EXPECT_EQ(initrd_address("i", 5000, image_end, std::uint64_t{8} << 30U).value,
            (std::uint64_t{2} << 30U) - 8192);
  EXPECT_THAT(complaint([&] { initrd_address("i", 64U << 20, image_end, 64U << 20); }),
              HasSubstr("kernel and initrd need at least 98.0 MiB"));
}

TEST(Requirements, AnInitrdThatNoMemoryIsLargeEnoughForIsRefusedWithTheReason) {
  const Gpa image_end{0x200'0000};
  for (const std::uint64_t bytes :
       {std::uint64_t{2100} << 20U, ~std::uint64_t{0} >> 1U, ~std::uint64_t{0} - 4096}) {
    const std::string said =
        complaint([&] { initrd_address("i", bytes, image_end, std::uint64_t{6} << 30U); });
    EXPECT_THAT(said, HasSubstr("must end below 2.0 GiB"));
    EXPECT_THAT(said, testing::Not(HasSubstr("need at least")));
  }
}

TEST(RebootOption, TripleFaultIsFoundAmongOthers) {
  EXPECT_TRUE(reboots_by_triple_fault("console=ttyS0 reboot=t quiet"));
  EXPECT_TRUE(reboots_by_triple_fault("reboot=warm,triple"));
  EXPECT_FALSE(reboots_by_triple_fault("reboot=k"));
  EXPECT_FALSE(reboots_by_triple_fault("noreboot=t reboot= "));
}

}  // namespace
}  // namespace samepage::vmm
