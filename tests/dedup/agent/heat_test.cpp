// SPDX-License-Identifier: Apache-2.0
#include "dedup/agent/heat.hpp"

#include <gtest/gtest.h>

namespace samepage::dedup {
namespace {

// Passes that leave range 0 out before the next look at it.
unsigned passes_left_out(Heat& heat) {
  unsigned passes = 0;
  while (!heat.due(0)) ++passes;
  return passes;
}

TEST(Heat, ARangeThatWasJustFilledIsLookedAtInEveryPass) {
  Heat heat(Heat::range_pages);
  for (unsigned look = 0; look < Heat::forgiven; ++look) {
    ASSERT_EQ(passes_left_out(heat), 0U);
    heat.looked(0, Heat::range_pages);
  }
  EXPECT_EQ(passes_left_out(heat), 0U);
}

TEST(Heat, ARangeThatStaysHotIsLeftOutForLongerAndLongerUpToABound) {
  Heat heat(Heat::range_pages);
  for (unsigned look = 0; look < Heat::forgiven; ++look) heat.looked(0, Heat::hot_pages);
  unsigned before = 0;
  for (int look = 0; look < 10; ++look) {
    heat.looked(0, Heat::hot_pages);
    const unsigned rest = passes_left_out(heat);
    EXPECT_TRUE(rest > before || rest == Heat::longest_rest);
    before = rest;
  }
  EXPECT_EQ(before, Heat::longest_rest);
}

TEST(Heat, ARangeThatHasCooledIsLookedAtInEveryPassAgain) {
  Heat heat(Heat::range_pages);
  for (int look = 0; look < 10; ++look) heat.looked(0, Heat::hot_pages);
  EXPECT_GT(passes_left_out(heat), 0U);
  heat.looked(0, Heat::hot_pages - 1);
  EXPECT_EQ(passes_left_out(heat), 0U);
  heat.looked(0, Heat::hot_pages);  // and is forgiven anew
  EXPECT_EQ(passes_left_out(heat), 0U);
}

TEST(Heat, RestsCanBeEnded) {
  Heat heat(Heat::range_pages);
  for (int look = 0; look < 10; ++look) heat.looked(0, Heat::hot_pages);
  heat.end_rests();
  EXPECT_EQ(passes_left_out(heat), 0U);
  heat.looked(0, Heat::hot_pages);  // hot as ever
  EXPECT_EQ(passes_left_out(heat), Heat::longest_rest);
}

TEST(Heat, RangesAreApart) {
  Heat heat(3 * Heat::range_pages);
  for (int look = 0; look < 10; ++look) heat.looked(1, Heat::hot_pages);
  EXPECT_TRUE(heat.due(0));
  EXPECT_FALSE(heat.due(1));
  EXPECT_TRUE(heat.due(2));
  EXPECT_EQ(Heat::range_of(Heat::range_pages), 1U);
}

}  // namespace
}  // namespace samepage::dedup
