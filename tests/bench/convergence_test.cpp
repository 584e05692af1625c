// SPDX-License-Identifier: Apache-2.0
#include "bench/convergence.hpp"

#include <gtest/gtest.h>

namespace samepage::bench {
namespace {

using std::chrono::milliseconds;

std::vector<Sample> grown() {
  return {{milliseconds(20), milliseconds(1), 0},    {milliseconds(40), milliseconds(2), 80},
          {milliseconds(60), milliseconds(3), 90},   {milliseconds(80), milliseconds(4), 100},
          {milliseconds(100), milliseconds(5), 100}, {milliseconds(120), milliseconds(6), 100}};
}

TEST(Convergence, ReachedIsTheFirstSampleWithEnough) {
  EXPECT_EQ(reached(grown(), 90)->at, milliseconds(60));
  EXPECT_EQ(reached(grown(), 91)->at, milliseconds(80));
  EXPECT_EQ(reached(grown(), 100)->cpu, milliseconds(4));
  EXPECT_EQ(reached(grown(), 101), std::nullopt);
}

TEST(Convergence, SettledIsWhereTheLastLevelBegan) {
  EXPECT_EQ(settled(grown()).at, milliseconds(80));
  EXPECT_EQ(settled({{milliseconds(20), milliseconds(1), 7}}).at, milliseconds(20));
}

TEST(Convergence, ALevelThatWasLeftAndCameAgainCountsFromItsLastBegin) {
  auto samples = grown();
  samples.push_back({milliseconds(140), milliseconds(7), 99});
  samples.push_back({milliseconds(160), milliseconds(8), 100});
  EXPECT_EQ(settled(samples).at, milliseconds(160));
}

TEST(Convergence, StillOnlyAfterAWhileAndSomeScans) {
  Stillness stillness;
  const auto long_enough = Stillness::time + milliseconds(1);
  EXPECT_FALSE(stillness.add(milliseconds(0), 5, 10));
  EXPECT_FALSE(stillness.add(long_enough, 5, 10)) << "no scan has looked since";
  EXPECT_FALSE(stillness.add(long_enough, 5, 10 + Stillness::scans - 1));
  EXPECT_TRUE(stillness.add(long_enough, 5, 10 + Stillness::scans));
}

TEST(Convergence, ManyQuickScansAreNotEnough) {
  Stillness stillness;
  EXPECT_FALSE(stillness.add(milliseconds(0), 5, 0));
  EXPECT_FALSE(stillness.add(Stillness::time, 5, 1000));
  EXPECT_TRUE(stillness.add(Stillness::time + milliseconds(1), 5, 1000));
}

TEST(Convergence, AnyChangeBeginsTheWaitAnew) {
  Stillness stillness;
  EXPECT_FALSE(stillness.add(milliseconds(0), 5, 0));
  EXPECT_FALSE(stillness.add(milliseconds(900), 4, 100));
  EXPECT_FALSE(stillness.add(milliseconds(1000), 4, 200));
  EXPECT_TRUE(stillness.add(milliseconds(1600), 4, 200));
}

}  // namespace
}  // namespace samepage::bench
