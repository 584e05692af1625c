// SPDX-License-Identifier: Apache-2.0
// Merging gives way to all other work on the host; what others wait for does not. The test is the daemon.
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/dedup/agent/agent_of_test.hpp"

namespace samepage::dedup {
namespace {

// Pages of zeros, which the agent gives back in its first pass.
class AgentYields : public AgentOfTest {
 protected:
  AgentYields() : AgentOfTest(100, 0) {}

  void make_pass() {
    while (const auto message = receive_message(connection_.get())) {
      if (message->type == static_cast<std::uint32_t>(wire::Type::report)) return;
    }
    FAIL() << "the agent has gone";
  }
};

// A guest is held at a real-time priority by the thread that gives way, or else by one that does not.
TEST_F(AgentYields, PassesAreMadeBehindAllOtherWork) {
  make_pass();
  ASSERT_NE(nice_at_hold_, nowhere) << "nothing was given back";
  const int now = test::nice_value();
  EXPECT_EQ(nice_at_hold_, policy_at_hold_ == SCHED_FIFO ? std::min(now + 5, 19) : now);
}

TEST_F(AgentYields, WhatIsWaitedForIsNot) {
  make_pass();
  int seen = nowhere;
  ASSERT_TRUE(agent_->while_still([&](StillMemory&) { seen = test::nice_value(); }));
  EXPECT_EQ(seen, test::nice_value());
}

}  // namespace
}  // namespace samepage::dedup
