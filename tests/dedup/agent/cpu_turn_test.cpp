// SPDX-License-Identifier: Apache-2.0
#include "dedup/agent/cpu_turn.hpp"

#include <gtest/gtest.h>

namespace samepage::dedup {
namespace {

using namespace std::chrono_literals;

TEST(CpuTurn, ItBeginsWhenTheDaemonGivesItAndEndsWithItsTime) {
  CpuTurn turn;
  EXPECT_FALSE(turn.goes_on(0ms));
  turn.ask();
  EXPECT_TRUE(turn.asked());
  EXPECT_FALSE(turn.goes_on(0ms));
  turn.begin(20ms, 100ms);
  EXPECT_FALSE(turn.asked());
  EXPECT_TRUE(turn.goes_on(119ms));
  EXPECT_FALSE(turn.goes_on(120ms));
  EXPECT_TRUE(turn.begun()) << "the daemon is to hear that it is over";
}

TEST(CpuTurn, NothingComesOfOneThatNobodyHasAskedFor) {
  CpuTurn turn;
  turn.begin(20ms, 100ms);
  EXPECT_FALSE(turn.begun());
  turn.ask();
  turn.end();
  turn.begin(20ms, 100ms);
  EXPECT_FALSE(turn.begun());
}

TEST(CpuTurn, WhatWasLeftIsOverWhenAnotherIsAskedFor) {
  CpuTurn turn;
  turn.ask();
  turn.begin(20ms, 100ms);
  turn.ask();
  EXPECT_FALSE(turn.goes_on(101ms));
}

}  // namespace
}  // namespace samepage::dedup
