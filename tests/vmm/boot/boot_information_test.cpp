// SPDX-License-Identifier: Apache-2.0
#include "vmm/boot/boot_information.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <string>

#include "base/pagemap.hpp"
#include "vmm/boot/multiboot.hpp"
#include "vmm/memory/layout.hpp"

namespace samepage::vmm {
namespace {

constexpr std::uint64_t gib = 1U << 30;

template <typename Value>
Value read(const GuestMemory& memory, Gpa address) {
  Value value{};
  std::memcpy(&value, memory.at(address, sizeof(value))->data(), sizeof(value));
  return value;
}

std::string text_at(const GuestMemory& memory, Gpa address) {
  const auto characters = read<std::array<char, 64>>(memory, address);
  return {characters.data(), ::strnlen(characters.data(), characters.size())};
}

TEST(BootInformation, MemoryMapHasRamAndRoms) {
  const GuestMemory memory(4 * gib);
  const std::vector<GfnRange> roms{{gfn_of(Gpa{0xd000'0000}), PageCount{2}}};
  const auto map = memory_map(memory.regions(), roms, ImageKind::bare);
  ASSERT_EQ(map.size(), 3U);
  EXPECT_EQ(map[0].start, 0U);
  EXPECT_EQ(map[0].size, 3 * gib);
  EXPECT_EQ(map[0].type, abi::e820_ram);
  EXPECT_EQ(map[1].start, 4 * gib);
  EXPECT_EQ(map[1].size, gib);
  EXPECT_EQ(map[2].start, 0xd000'0000U);
  EXPECT_EQ(map[2].size, 8192U);
  EXPECT_EQ(map[2].type, abi::e820_reserved);
}

TEST(BootInformation, StartInfoLeadsToTheRest) {
  const GuestMemory memory(1U << 20);
  BootInformation information;
  information.command_line = "pages=5";
  write_boot_information(memory, information);
  const auto info = read<abi::PvhStartInfo>(memory, layout::start_info);
  EXPECT_EQ(info.magic, abi::pvh_magic);
  EXPECT_EQ(info.version, 1U);
  EXPECT_EQ(info.memory_range_count, 1U);
  EXPECT_EQ(read<abi::PvhMemoryRange>(memory, Gpa{info.memory_map}).size, 1U << 20);
  EXPECT_EQ(std::memcmp(memory.at(Gpa{info.command_line}, 8)->data(), "pages=5", 8), 0);
}

TEST(BootInformation, FullBootPageStaysInItsPage) {
  const GuestMemory memory(1U << 20);
  const std::vector<GfnRange> roms(layout::max_roms, GfnRange{Gfn{0xd0000}, PageCount{1}});
  const std::string longest(layout::command_line_bytes - 1, 'x');
  BootInformation information;
  information.roms = roms;
  information.command_line = longest;
  write_boot_information(memory, information);
  const auto populated = Pagemap().populated(memory.regions()[0].bytes());
  ASSERT_EQ(populated.size(), 1U);
  EXPECT_EQ(populated[0].first, 7U);
  EXPECT_EQ(populated[0].count, 1U);
  EXPECT_EQ(read<char>(memory, Gpa{layout::boot_end.value - 1}), '\0');
}

TEST(BootInformation, StockKernelFindsTablesAndInitrd) {
  const GuestMemory memory(16U << 20);
  BootInformation information;
  information.kind = ImageKind::linux_kernel;
  information.initrd = InitrdPlace{Gpa{0x80'0000}, 12345};
  write_boot_information(memory, information);
  const auto info = read<abi::PvhStartInfo>(memory, layout::start_info);
  EXPECT_EQ(info.rsdp, layout::acpi_tables.value);
  ASSERT_EQ(info.module_count, 1U);
  const auto module = read<abi::PvhModule>(memory, Gpa{info.modules});
  EXPECT_EQ(module.address, 0x80'0000U);
  EXPECT_EQ(module.size, 12345U);
}

TEST(BootInformation, StockKernelsRamHasTheIsaHole) {
  const GuestMemory memory(16U << 20);
  const auto map = memory_map(memory.regions(), {}, ImageKind::linux_kernel);
  ASSERT_EQ(map.size(), 3U);
  EXPECT_EQ(map[0].size, 0xa'0000U);
  EXPECT_EQ(map[1].start, 0xa'0000U);
  EXPECT_EQ(map[1].type, abi::e820_reserved);
  EXPECT_EQ(map[2].start, 0x10'0000U);
  EXPECT_EQ(map[2].start + map[2].size, 16U << 20);
}

TEST(BootInformation, LinuxParametersHaveWhatTheKernelReads) {
  const GuestMemory memory(16U << 20);
  BootInformation information;
  information.kind = ImageKind::linux_kernel;
  information.protocol = BootProtocol::linux64;
  information.command_line = "console=ttyS0";
  information.initrd = InitrdPlace{Gpa{0x80'0000}, 12345};
  write_boot_information(memory, information);
  const Gpa page = layout::linux_parameters;
  EXPECT_EQ(read<std::uint16_t>(memory, page + 0x1fe), 0xaa55U);
  EXPECT_EQ(read<std::uint8_t>(memory, page + 0x210), 0xffU);
  EXPECT_EQ(read<std::uint32_t>(memory, page + 0x218), 0x80'0000U);
  EXPECT_EQ(read<std::uint32_t>(memory, page + 0x21c), 12345U);
  EXPECT_EQ(read<std::uint64_t>(memory, page + 0x70), layout::acpi_tables.value);
  EXPECT_EQ(read<std::uint8_t>(memory, page + 0x1e8), 3U);
  EXPECT_EQ(read<std::uint64_t>(memory, page + 0x2d0 + 20), 0xa'0000U);
  const Gpa text{read<std::uint32_t>(memory, page + 0x228)};
  EXPECT_EQ(text_at(memory, text), "console=ttyS0");
  // Any address below 4 GiB leads to itself: the last entry of the last directory.
  const auto last = read<std::uint64_t>(memory, layout::linux_page_tables + (6 * page_size - 8));
  EXPECT_EQ(last, 0xffe0'0083U);
}

TEST(BootInformation, SetupHeaderOfABzImageIsPassedOn) {
  const GuestMemory memory(16U << 20);
  BootInformation information;
  information.protocol = BootProtocol::linux64;
  information.kind = ImageKind::linux_kernel;
  information.setup_header.assign(0x7b, std::byte{0x5a});
  write_boot_information(memory, information);
  EXPECT_EQ(read<std::uint32_t>(memory, layout::linux_parameters + 0x260), 0x5a5a'5a5aU);
  information.setup_header.assign(
      0x10f, std::byte{0xff});  // as long as a header can say; the map is not written over
  write_boot_information(memory, information);
  EXPECT_EQ(read<std::uint64_t>(memory, layout::linux_parameters + 0x2d0), 0U);
}

TEST(BootInformation, MultibootHasRamWordsAndModule) {
  const GuestMemory memory(16U << 20);
  BootInformation information;
  information.kind = ImageKind::multiboot;
  information.protocol = BootProtocol::multiboot;
  information.image_name = "apic.elf";
  information.command_line = "a b";
  information.initrd = InitrdPlace{Gpa{0x80'0000}, 100};
  write_boot_information(memory, information);
  const auto info = read<multiboot::Information>(memory, layout::multiboot_information);
  EXPECT_EQ(info.upper_kib, 15U << 10);
  EXPECT_EQ(text_at(memory, Gpa{info.command_line}), "apic.elf a b");
  ASSERT_EQ(info.module_count, 1U);
  const auto module = read<multiboot::Module>(memory, Gpa{info.modules});
  EXPECT_EQ(module.start, 0x80'0000U);
  EXPECT_EQ(module.end, 0x80'0064U);
  ASSERT_EQ(info.memory_map_bytes, 3 * 24U);
  const auto high = read<multiboot::MemoryRange>(memory, Gpa{info.memory_map} + 2 * 24);
  EXPECT_EQ(high.bytes_that_follow, 20U);
  EXPECT_EQ(std::uint64_t{high.start}, 0x10'0000U);
}

}  // namespace
}  // namespace samepage::vmm
