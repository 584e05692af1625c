// SPDX-License-Identifier: Apache-2.0
#include "dedup/agent/start_delay.hpp"

#include <gtest/gtest.h>

namespace samepage::dedup {
namespace {

using std::chrono::seconds;

class StartDelayTest : public testing::Test {
 protected:
  // The seconds until the next start is allowed.
  int wait_after_start() {
    delay_.started(now_);
    int waited = 0;
    for (; !delay_.may_start(now_); ++waited) now_ += seconds(1);
    return waited;
  }
  StartDelay delay_;
  StartDelay::Clock::time_point now_{std::chrono::hours(1)};
};

TEST_F(StartDelayTest, TheFirstDaemonIsStartedAtOnce) {
  EXPECT_TRUE(delay_.may_start(now_));
}

TEST_F(StartDelayTest, DaemonsThatEndAtOnceAreStartedLessAndLessOften) {
  int before = 0;
  for (int i = 0; i < 5; ++i) {
    const int waited = wait_after_start();
    EXPECT_GT(waited, before);
    before = waited;
    delay_.joined(now_ - StartDelay::shortest);  // it lasted for next to nothing
  }
  for (int i = 0; i < 5; ++i) before = wait_after_start();
  EXPECT_EQ(seconds(before), StartDelay::longest);
}

TEST_F(StartDelayTest, AfterADaemonThatLastedTheNextOneIsStartedSoon) {
  for (int i = 0; i < 6; ++i) wait_after_start();
  now_ += seconds(30);
  delay_.joined(now_);
  now_ += std::chrono::hours(5);
  EXPECT_TRUE(delay_.may_start(now_));
  EXPECT_EQ(wait_after_start(), 2);
}

}  // namespace
}  // namespace samepage::dedup
