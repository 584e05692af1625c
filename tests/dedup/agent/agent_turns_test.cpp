// SPDX-License-Identifier: Apache-2.0
// An agent asks its daemon for the time of a pass, and makes none before it has it. The test is the daemon.
#include <gtest/gtest.h>

#include "tests/dedup/agent/agent_of_test.hpp"

namespace samepage::dedup {
namespace {

using AgentTurns = AgentOfTest;

TEST_F(AgentTurns, ItAsksBeforeItsPassAndMakesItInAsManyTurnsAsItTakes) {
  std::size_t others = 0;
  auto time = next_time(others);
  ASSERT_TRUE(time);
  EXPECT_EQ(time->wants, 1U);
  EXPECT_EQ(others, 0U) << "it has begun without a turn";
  // Each is shorter than a pass.
  int turns = 0;
  std::uint64_t used = time->used_us;
  for (; agent_->counters().passes == 0; ++turns) {
    ASSERT_LT(turns, 1000);
    say(wire::Type::cpu_turn, wire::CpuTurn{.time_us = 100});
    time = next_time(others);
    ASSERT_TRUE(time);
    EXPECT_GE(time->used_us, used);
    used = time->used_us;
  }
  EXPECT_GE(turns, 2);
}

TEST_F(AgentTurns, ATurnThatNobodyHasAskedForIsNone) {
  std::size_t others = 0;
  ASSERT_TRUE(next_time(others));
  say(wire::Type::cpu_turn, wire::CpuTurn{.time_us = 0});  // asks again
  ASSERT_TRUE(next_time(others));
  EXPECT_EQ(agent_->counters().passes, 0U);
}

class AgentWithoutABound : public AgentTurns {
 protected:
  AgentWithoutABound() : AgentTurns(100) {}
};

TEST_F(AgentWithoutABound, ItAsksNobody) {
  bool reported = false;
  while (!reported) {
    const auto message = receive_message(connection_.get());
    ASSERT_TRUE(message);
    EXPECT_NE(message->type, static_cast<std::uint32_t>(wire::Type::cpu_time));
    reported = message->type == static_cast<std::uint32_t>(wire::Type::report);
  }
}

TEST_F(AgentTurns, AKnobThatIsOpenedEndsTheWait) {
  std::size_t others = 0;
  ASSERT_TRUE(next_time(others));
  wire::Knobs knobs;
  knobs.cpu_percent = 100;
  say(wire::Type::knobs, knobs);
  bool reported = false;
  while (!reported) {
    const auto message = receive_message(connection_.get());
    ASSERT_TRUE(message);
    reported = message->type == static_cast<std::uint32_t>(wire::Type::report);
  }
}

}  // namespace
}  // namespace samepage::dedup
