// SPDX-License-Identifier: Apache-2.0
#include "dedup/daemon/extents.hpp"

#include <gtest/gtest.h>

#include <random>
#include <set>

namespace samepage::dedup {
namespace {

TEST(Extents, NeighboursGetNeighbours) {
  Extents numbers(100);
  EXPECT_EQ(numbers.allocate_near(1), 0U);
  EXPECT_EQ(numbers.allocate_near(1), 1U);
  EXPECT_EQ(numbers.allocate_near(2), 2U);
  numbers.release(1, 1);
  EXPECT_EQ(numbers.allocate_near(1), 1U);
}

TEST(Extents, WhereThereIsAnEndHolesBelowItAreUsed) {
  Extents numbers(100);
  ASSERT_EQ(numbers.allocate_run(10), 0U);
  EXPECT_EQ(numbers.allocate_near(10, 10), std::nullopt);
  numbers.release(4, 1);
  EXPECT_EQ(numbers.allocate_near(10, 10), 4U);
  numbers.release(7, 1);
  EXPECT_EQ(numbers.allocate_near(7, 5), std::nullopt) << "the hole lies beyond";
  EXPECT_EQ(numbers.allocate_near(7, 8), 7U);
}

TEST(Extents, TheHighestNumbersGoAndComeAgain) {
  Extents numbers(100);
  ASSERT_EQ(numbers.allocate_run(10), 0U);
  numbers.release(4, 6);
  EXPECT_EQ(numbers.end(), 4U);
  numbers.release(0, 2);
  numbers.release(2, 2);
  EXPECT_EQ(numbers.end(), 0U);
  EXPECT_EQ(numbers.in_use(), 0U);
}

TEST(Extents, ARunFitsAHoleOrTheEnd) {
  Extents numbers(20);
  ASSERT_EQ(numbers.allocate_run(10), 0U);
  numbers.release(2, 4);
  EXPECT_EQ(numbers.allocate_run(5), 10U);
  EXPECT_EQ(numbers.allocate_run(4), 2U);
  EXPECT_EQ(numbers.allocate_run(6), std::nullopt);
}

TEST(Extents, AFullOneGivesOutItsHoles) {
  Extents numbers(4);
  for (int i = 0; i < 4; ++i) ASSERT_TRUE(numbers.allocate_near(0));
  EXPECT_FALSE(numbers.allocate_near(0));
  numbers.release(2, 1);
  EXPECT_EQ(numbers.allocate_near(0), 2U);
}

TEST(Extents, NoNumberIsGivenOutTwice) {
  std::mt19937 random(1);
  Extents numbers(500);
  std::set<std::uint32_t> used;
  for (int step = 0; step < 20'000; ++step) {
    if (random() % 2 == 0) {
      const auto number = numbers.allocate_near(static_cast<std::uint32_t>(random() % 500));
      ASSERT_EQ(number.has_value(), used.size() < 500);
      if (number) {
        ASSERT_TRUE(used.insert(*number).second) << *number;
      }
    } else if (!used.empty()) {
      const auto it = std::next(used.begin(), static_cast<std::ptrdiff_t>(random() % used.size()));
      numbers.release(*it, 1);
      used.erase(it);
    }
    ASSERT_EQ(numbers.in_use(), used.size());
  }
}

TEST(ExtentsDeathTest, ReleasingTwiceIsABrokenInvariant) {
  Extents numbers(10);
  ASSERT_EQ(numbers.allocate_run(10), 0U);
  numbers.release(2, 2);
  EXPECT_DEATH(numbers.release(3, 1), "released twice");
}

}  // namespace
}  // namespace samepage::dedup
