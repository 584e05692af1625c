// SPDX-License-Identifier: Apache-2.0
#include "bench/statistics.hpp"

#include <gtest/gtest.h>

namespace samepage::bench {
namespace {

TEST(Statistics, MedianOfAnOddNumberIsTheMiddleOne) {
  const Spread spread = spread_of({9, 1, 4});
  EXPECT_EQ(spread.median, 4);
  EXPECT_EQ(spread.min, 1);
  EXPECT_EQ(spread.max, 9);
  EXPECT_EQ(spread.runs, 3U);
}

TEST(Statistics, MedianOfAnEvenNumberIsHalfwayBetweenTheMiddleTwo) {
  EXPECT_EQ(spread_of({8, 1, 2, 4}).median, 3);
}

TEST(Statistics, OneValueIsItsOwnSpread) {
  const Spread spread = spread_of({-2.5});
  EXPECT_EQ(spread.median, -2.5);
  EXPECT_EQ(spread.min, -2.5);
  EXPECT_EQ(spread.max, -2.5);
}

TEST(Statistics, PercentileIsTheNearestRank) {
  std::vector<double> values;
  for (int i = 100; i >= 1; --i) values.push_back(i);
  EXPECT_EQ(percentile(values, 50), 50);
  EXPECT_EQ(percentile(values, 99), 99);
  EXPECT_EQ(percentile(values, 99.1), 100);
  EXPECT_EQ(percentile(values, 100), 100);
  EXPECT_EQ(percentile(values, 0), 1);
}

TEST(Statistics, PercentileOfFewValuesIsOneOfThem) {
  EXPECT_EQ(percentile({5, 7}, 50), 5);
  EXPECT_EQ(percentile({5, 7}, 51), 7);
  EXPECT_EQ(percentile({5}, 99), 5);
  EXPECT_EQ(percentile({}, 99), 0);
}

}  // namespace
}  // namespace samepage::bench
