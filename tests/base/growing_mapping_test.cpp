// SPDX-License-Identifier: Apache-2.0
#include "base/growing_mapping.hpp"

#include <gtest/gtest.h>

#include <system_error>

namespace samepage {
namespace {

TEST(GrowingArray, KeepsWhatItHasAndIsZeroElsewhere) {
  GrowingArray<std::uint64_t> array;
  array.grow(10);
  for (std::size_t i = 0; i < array.size(); ++i) array[i] = i + 1;
  const std::size_t before = array.size();
  array.grow(1'000'000);
  ASSERT_GE(array.size(), 1'000'000U);
  for (std::size_t i = 0; i < before; ++i) ASSERT_EQ(array[i], i + 1);
  for (std::size_t i = before; i < 1'000'000; ++i) ASSERT_EQ(array[i], 0U);
}

TEST(GrowingArray, WhatIsClearedIsZeroAndItsNeighboursAreNot) {
  GrowingArray<std::uint32_t> array;
  array.grow(10'000);
  for (std::size_t i = 0; i < 10'000; ++i) array[i] = 7;
  array.clear(100, 9'001);
  for (std::size_t i = 0; i < 10'000; ++i) ASSERT_EQ(array[i], i < 100 || i >= 9'001 ? 7U : 0U) << i;
}

TEST(GrowingArray, TakesLittleForLittleAndGivesBack) {
  GrowingArray<std::uint64_t> array;
  array.grow(1);
  EXPECT_LE(array.size(), 65'536U);
  array.grow(10'000'000);
  EXPECT_LE(array.size(), 10'100'000U);
  array.shrink(5);
  EXPECT_LE(array.size(), 65'536U);
}

TEST(GrowingArray, WhatCannotGrowStaysAsItIs) {
  GrowingArray<std::uint64_t> array;
  array.grow(10);
  array[3] = 5;
  const std::size_t before = array.size();
  EXPECT_THROW(array.grow(std::size_t{1} << 57), std::system_error);
  EXPECT_EQ(array.size(), before);
  EXPECT_EQ(array[3], 5U);
}

}  // namespace
}  // namespace samepage
