// SPDX-License-Identifier: Apache-2.0
#include "vmm/memory/guest_memory.hpp"

#include <gtest/gtest.h>

#include <array>

#include "base/pagemap.hpp"
#include "vmm/memory/layout.hpp"

namespace samepage::vmm {
namespace {

constexpr std::uint64_t gib = 1U << 30;
constexpr Gpa sixth_page{0x5000};
constexpr std::uint64_t highest = ~std::uint64_t{0};

TEST(GuestMemory, SmallRamIsOneRange) {
  const GuestMemory memory(1U << 20);
  ASSERT_EQ(memory.regions().size(), 1U);
  EXPECT_EQ(memory.regions()[0].first.value, 0U);
  EXPECT_EQ(memory.regions()[0].pages.value, 256U);
}

TEST(GuestMemory, RamThatDoesNotFitBelowTheHoleIsAboveIt) {
  const GuestMemory memory(4 * gib);
  ASSERT_EQ(memory.regions().size(), 2U);
  EXPECT_EQ(memory.regions()[0].pages.bytes(), 3 * gib);
  EXPECT_EQ(memory.regions()[1].first.gpa(), layout::high_ram);
  EXPECT_EQ(memory.regions()[1].pages.bytes(), gib);
  EXPECT_EQ(memory.regions()[1].host, memory.regions()[0].host + 3 * gib);
}

TEST(GuestMemory, ExactlyThreeGibibytesHaveNoSecondRange) {
  EXPECT_EQ(ram_ranges(3 * gib).size(), 1U);
  EXPECT_EQ(ram_ranges(3 * gib + 4096).size(), 2U);
}

TEST(GuestMemory, BoundsAreExact) {
  const GuestMemory memory(8192);
  EXPECT_TRUE(memory.at(Gpa{0}, 8192));
  EXPECT_TRUE(memory.at(Gpa{8191}, 1));
  EXPECT_TRUE(memory.at(Gpa{8192}, 0));
  EXPECT_FALSE(memory.at(Gpa{0}, 8193));
  EXPECT_FALSE(memory.at(Gpa{8191}, 2));
  EXPECT_FALSE(memory.at(Gpa{8192}, 1));
}

TEST(GuestMemory, SumsDoNotOverflow) {
  const GuestMemory memory(8192);
  EXPECT_FALSE(memory.at(Gpa{4096}, highest));
  EXPECT_FALSE(memory.at(Gpa{highest}, 2));
  EXPECT_FALSE(memory.at(Gpa{highest}, highest));
}

TEST(GuestMemory, NothingSpansTheHole) {
  const GuestMemory memory(4 * gib);
  EXPECT_TRUE(memory.at(Gpa{3 * gib - 1}, 1));
  EXPECT_FALSE(memory.at(Gpa{3 * gib - 1}, 2));
  EXPECT_FALSE(memory.at(Gpa{3 * gib}, 1));
  EXPECT_TRUE(memory.at(Gpa{4 * gib}, gib));
  EXPECT_FALSE(memory.at(Gpa{4 * gib - 1}, 2));
  EXPECT_EQ(memory.at(Gpa{4 * gib}, 1)->data(), memory.regions()[1].host);
}

TEST(GuestMemory, WriteCopiesAllOrNothing) {
  const GuestMemory memory(4096);
  const std::array bytes{std::byte{1}, std::byte{2}};
  EXPECT_TRUE(memory.write(Gpa{4094}, bytes));
  EXPECT_EQ(memory.regions()[0].host[4095], std::byte{2});
  EXPECT_FALSE(memory.write(Gpa{4095}, bytes));
  EXPECT_EQ(memory.regions()[0].host[4095], std::byte{2});
}

TEST(GuestMemory, IsCommittedOnFirstTouch) {
  const GuestMemory memory(gib);
  EXPECT_TRUE(memory.write(sixth_page, std::array{std::byte{1}}));
  const auto populated = Pagemap().populated(memory.regions()[0].bytes());
  ASSERT_EQ(populated.size(), 1U);
  EXPECT_EQ(populated[0].first, 5U);
  EXPECT_EQ(populated[0].count, 1U);
}

}  // namespace
}  // namespace samepage::vmm
