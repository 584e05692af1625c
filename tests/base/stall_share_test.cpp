// SPDX-License-Identifier: Apache-2.0
#include "base/stall_share.hpp"

#include <gtest/gtest.h>

namespace samepage {
namespace {

using std::chrono::milliseconds;

class StallShareTest : public testing::Test {
 protected:
  double at(int ms, std::optional<std::uint64_t> stalled_us, std::uint64_t source = 1) {
    return share_.told(source, stalled_us, StallShare::Clock::time_point(milliseconds(ms)));
  }
  StallShare share_;
};

TEST_F(StallShareTest, ItIsTheGrowthOfAWindow) {
  EXPECT_EQ(at(0, 5'000'000), 0.0) << "nothing is known of the time before";
  EXPECT_DOUBLE_EQ(at(1000, 5'250'000), 0.25);
  EXPECT_DOUBLE_EQ(at(3000, 5'250'000), 0.0);
}

TEST_F(StallShareTest, LooksWithinAWindowTellTheLastOne) {
  at(0, 0);
  EXPECT_DOUBLE_EQ(at(1000, 100'000), 0.1);
  EXPECT_DOUBLE_EQ(at(1010, 110'000), 0.1);
  EXPECT_DOUBLE_EQ(at(1990, 900'000), 0.1);
  EXPECT_DOUBLE_EQ(at(2000, 900'000), 0.8) << "since the look that began it";
}

TEST_F(StallShareTest, AnotherFileOrACounterThatBeginsAnewIsNotCompared) {
  at(0, 1000);
  EXPECT_EQ(at(1000, 900'000, 2), 0.0);
  EXPECT_DOUBLE_EQ(at(2000, 1'000'000, 2), 0.1);
  EXPECT_EQ(at(3000, 5, 2), 0.0);
  EXPECT_EQ(at(4000, {}, 2), 0.0);
  EXPECT_EQ(at(5000, 900'000, 2), 0.0);
}

TEST_F(StallShareTest, WhatWasActedOnIsOverUntilTheNextWindow) {
  at(0, 0);
  EXPECT_DOUBLE_EQ(at(1000, 500'000), 0.5);
  share_.acted();
  EXPECT_EQ(at(1500, 900'000), 0.0);
  EXPECT_DOUBLE_EQ(at(2000, 900'000), 0.4);
}

TEST_F(StallShareTest, ItIsNeverMoreThanAll) {
  at(0, 0);
  EXPECT_DOUBLE_EQ(at(1000, 3'000'000), 1.0);
}

}  // namespace
}  // namespace samepage
