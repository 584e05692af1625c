// SPDX-License-Identifier: Apache-2.0
#include "dedup/agent/coldness.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace samepage::dedup {
namespace {

constexpr std::uint32_t range = Coldness::range_pages;

void pass(Coldness& coldness, std::uint32_t times) {
  for (std::uint32_t i = 0; i < times; ++i) coldness.next_pass();
}

// The numbers of the ranges.
std::vector<std::uint32_t> coldest(const Coldness& coldness, std::uint32_t least) {
  std::vector<std::uint32_t> numbers;
  for (const PageRange& cold : coldness.coldest(least)) numbers.push_back(cold.first.value / range);
  return numbers;
}

// Passes until range 0 may go out.
std::uint32_t rest_of(Coldness& coldness) {
  std::uint32_t passes = 0;
  while (coldest(coldness, 0).empty()) coldness.next_pass(), ++passes;
  return passes;
}

using Numbers = std::vector<std::uint32_t>;

TEST(Coldness, AllWasWrittenAtTheStart) {
  Coldness coldness(2 * range);
  EXPECT_TRUE(coldness.coldest(1).empty());
  EXPECT_EQ(coldest(coldness, 0), (Numbers{0, 1}));
  pass(coldness, 2);
  EXPECT_EQ(coldness.pass(), 2U);
  EXPECT_EQ(coldest(coldness, 2), (Numbers{0, 1}));
  EXPECT_TRUE(coldness.coldest(3).empty());
}

TEST(Coldness, TheLastRangeMayBeShorter) {
  const Coldness coldness(2 * range + 1);
  const std::vector<PageRange> all = coldness.coldest(0);
  ASSERT_EQ(all.size(), 3U);
  EXPECT_EQ(all[0], (PageRange{{0}, range}));
  EXPECT_EQ(all[1], (PageRange{{range}, range}));
  EXPECT_EQ(all[2], (PageRange{{2 * range}, 1}));
  EXPECT_TRUE(Coldness(0).coldest(0).empty());
  EXPECT_EQ(Coldness(range).coldest(0).size(), 1U);
}

TEST(Coldness, WhatWasQuietLongestComesFirst) {
  Coldness coldness(5 * range);
  pass(coldness, 1);
  coldness.written({0});
  coldness.written({4 * range + 63});
  pass(coldness, 1);
  coldness.written({2 * range + 5});
  coldness.written({4 * range});
  pass(coldness, 1);
  EXPECT_EQ(coldest(coldness, 0), (Numbers{1, 3, 0, 2, 4}));
  EXPECT_EQ(coldest(coldness, 2), (Numbers{1, 3, 0}));
}

TEST(Coldness, WhatCameBackIsLeftAloneForLongerEachTime) {
  Coldness coldness(range);
  pass(coldness, 5);
  std::uint32_t expected = Coldness::first_rest;
  for (std::uint64_t times = 1; times < 15; ++times) {
    coldness.came_back({7});
    EXPECT_EQ(coldness.came_back_count(), times);
    EXPECT_EQ(rest_of(coldness), expected);
    expected = std::min(2 * expected, Coldness::longest_rest);
  }
  EXPECT_EQ(expected, Coldness::longest_rest);
}

TEST(Coldness, PagesThatComeBackTogetherCountOnce) {
  Coldness coldness(range);
  for (std::uint32_t page = 0; page < range; ++page) coldness.came_back({page});
  pass(coldness, Coldness::first_rest - 1);
  coldness.came_back({0});
  EXPECT_EQ(coldness.came_back_count(), 1U);
  EXPECT_EQ(rest_of(coldness), 1U);
}

TEST(Coldness, WhatCameBackWasUsedThen) {
  Coldness coldness(2 * range);
  pass(coldness, 1);
  coldness.came_back({0});
  pass(coldness, Coldness::first_rest);
  EXPECT_EQ(coldest(coldness, 0), (Numbers{1, 0}));
  EXPECT_EQ(coldest(coldness, Coldness::first_rest + 1), (Numbers{1}));
}

TEST(Coldness, WarmestIsWhatWasUsedLastInRunsOfNeighbours) {
  Coldness coldness(4 * range + 7);
  pass(coldness, 1);
  coldness.written({2 * range});
  coldness.written({3 * range});
  pass(coldness, 1);
  coldness.came_back({0});  // it rests, and is warm all the more
  const std::vector<PageRange> expected{
      {{0}, range}, {{2 * range}, 2 * range}, {{range}, range}, {{4 * range}, 7}};
  EXPECT_EQ(coldness.warmest(), expected);
}

}  // namespace
}  // namespace samepage::dedup
