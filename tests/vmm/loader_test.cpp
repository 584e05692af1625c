// SPDX-License-Identifier: Apache-2.0
#include "vmm/boot/loader.hpp"

#include <gtest/gtest.h>

#include <cstring>

#include "base/pagemap.hpp"
#include "tests/vmm/pvh_elf.hpp"
#include "vmm/boot/layout.hpp"

namespace samepage::vmm {
namespace {

constexpr std::uint64_t gib = 1U << 30;

template <typename Value>
Value read(const GuestMemory& memory, Gpa address) {
  Value value{};
  std::memcpy(&value, memory.at(address, sizeof(value))->data(), sizeof(value));
  return value;
}

TEST(Loader, CopiesWhatTheFileHasAndTouchesNothingElse) {
  const test::PvhElf elf({{0x10'0000, {1, 2, 3}, 0x10'0000}});
  const auto file = elf.bytes();
  const GuestMemory memory(16U << 20);
  load_segments(std::get<Image>(parse_image(file)), file, memory);
  EXPECT_EQ(read<std::uint32_t>(memory, Gpa{0x10'0000}), 0x03'02'01U);
  const auto populated = Pagemap().populated(memory.regions()[0].bytes());
  ASSERT_EQ(populated.size(), 1U);  // the bss is not written
  EXPECT_EQ(populated[0].first, 0x100U);
  EXPECT_EQ(populated[0].count, 1U);
}

TEST(Loader, MemoryMapHasRamAndRoms) {
  const GuestMemory memory(4 * gib);
  const std::vector<GfnRange> roms{{gfn_of(Gpa{0xd000'0000}), PageCount{2}}};
  const auto map = memory_map(memory.regions(), roms);
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

TEST(Loader, StartInfoLeadsToTheRest) {
  const GuestMemory memory(1U << 20);
  write_boot_page(memory, {}, "pages=5");
  const auto info = read<abi::PvhStartInfo>(memory, layout::start_info);
  EXPECT_EQ(info.magic, abi::pvh_magic);
  EXPECT_EQ(info.version, 1U);
  EXPECT_EQ(info.memory_range_count, 1U);
  EXPECT_EQ(read<abi::PvhMemoryRange>(memory, Gpa{info.memory_map}).size, 1U << 20);
  EXPECT_EQ(std::memcmp(memory.at(Gpa{info.command_line}, 8)->data(), "pages=5", 8), 0);
}

TEST(Loader, FullBootPageStaysInItsPage) {
  const GuestMemory memory(1U << 20);
  const std::vector<GfnRange> roms(layout::max_roms, GfnRange{Gfn{0xd0000}, PageCount{1}});
  const std::string longest(layout::command_line_bytes - 1, 'x');
  write_boot_page(memory, roms, longest);
  const auto populated = Pagemap().populated(memory.regions()[0].bytes());
  ASSERT_EQ(populated.size(), 1U);
  EXPECT_EQ(populated[0].first, 7U);
  EXPECT_EQ(populated[0].count, 1U);
  EXPECT_EQ(read<char>(memory, Gpa{layout::boot_end.value - 1}), '\0');
}

}  // namespace
}  // namespace samepage::vmm
