// SPDX-License-Identifier: Apache-2.0
#include "dedup/agent/cpu_rest.hpp"

#include <gtest/gtest.h>

namespace samepage::dedup {
namespace {

using std::chrono::milliseconds;

CpuRest::Clock::time_point at(int ms) {
  return CpuRest::Clock::time_point(milliseconds(ms));
}

TEST(CpuRest, WorkIsFollowedByARest) {
  CpuRest rest;
  EXPECT_TRUE(rest.over(at(0)));
  rest.worked(milliseconds(10), at(10), 10);
  EXPECT_FALSE(rest.over(at(99)));
  EXPECT_TRUE(rest.over(at(100)));
}

TEST(CpuRest, PiecesAddUp) {
  CpuRest rest;
  rest.worked(milliseconds(10), at(10), 50);
  rest.worked(milliseconds(10), at(15), 50);  // what could not wait
  EXPECT_FALSE(rest.over(at(29)));
  EXPECT_TRUE(rest.over(at(30)));
  rest.worked(milliseconds(1), at(1000), 50);
  EXPECT_TRUE(rest.over(at(1001)));
}

TEST(CpuRest, WithoutABoundThereIsNone) {
  CpuRest rest;
  rest.worked(milliseconds(500), at(1), 100);
  EXPECT_TRUE(rest.over(at(1)));
}

}  // namespace
}  // namespace samepage::dedup
