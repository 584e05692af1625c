// SPDX-License-Identifier: Apache-2.0
#include "dedup/daemon/extents.hpp"

#include <gtest/gtest.h>

#include <functional>
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

TEST(Extents, ANumberAnywhereIsOneOfMany) {
  Extents numbers(1U << 20U);
  std::mt19937_64 random(1);
  std::set<std::uint32_t> taken;
  std::uint32_t neighbours = 0;
  constexpr std::uint32_t count = 10'000;
  for (std::uint32_t before = 0; taken.size() < count;) {
    if (taken.size() == 100) {
      EXPECT_GT(*taken.rbegin(), 1U << 19U) << "the first ones lie close together";
    }
    const std::uint32_t number = numbers.allocate_anywhere(std::ref(random)).value();
    ASSERT_TRUE(taken.insert(number).second) << "it was in use";
    if (number == before + 1) ++neighbours;
    before = number;
  }
  EXPECT_EQ(numbers.in_use(), count);
  EXPECT_LT(neighbours, count / 100);
  // Those that were drawn first lie as far apart as all.
  const auto in_lower_half = std::distance(taken.begin(), taken.lower_bound(1U << 19U));
  EXPECT_NEAR(static_cast<double>(in_lower_half), count / 2.0, count / 20.0);
  for (const std::uint32_t number : taken) numbers.release(number, 1);
  EXPECT_EQ(numbers.in_use(), 0U);
  EXPECT_EQ(numbers.end(), 0U);
}

TEST(Extents, AllNumbersCanBeHadInAnyOrder) {
  for (const std::uint32_t limit : {1U, 3U, 1500U}) {
    Extents numbers(limit);
    std::mt19937_64 random(limit);
    std::set<std::uint32_t> taken;
    for (std::uint32_t i = 0; i < limit; ++i)
      taken.insert(numbers.allocate_anywhere(std::ref(random)).value());
    EXPECT_EQ(taken.size(), limit);
    EXPECT_EQ(*taken.rbegin(), limit - 1);
    EXPECT_FALSE(numbers.allocate_anywhere(std::ref(random)));
    numbers.release(limit / 2, 1);
    EXPECT_EQ(numbers.allocate_anywhere(std::ref(random)), limit / 2);
  }
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
