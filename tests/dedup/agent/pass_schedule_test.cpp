// SPDX-License-Identifier: Apache-2.0
#include "dedup/agent/pass_schedule.hpp"

#include <gtest/gtest.h>

namespace samepage::dedup {
namespace {

using namespace std::chrono_literals;

class PassScheduleTest : public testing::Test {
 protected:
  // A pass as soon as it is due; how long the wait for it was.
  PassSchedule::Clock::duration pass(bool found) {
    const auto wait = schedule_.due(faults_) - now_;
    now_ = schedule_.due(faults_);
    schedule_.passed({now_, found, schedule_.asked(), faults_}, knobs_);
    return wait;
  }
  void sleep_deeply() {
    for (int i = 0; i < 12; ++i) pass(false);
  }

  wire::Knobs knobs_ = [] {
    wire::Knobs knobs;
    knobs.interval_ms = 100, knobs.max_interval_ms = 2000;
    return knobs;
  }();
  PassSchedule::Clock::time_point now_{};
  PassSchedule schedule_{now_};
  long faults_ = 1000;
};

TEST_F(PassScheduleTest, TheFirstPassBeginsAtOnce) {
  EXPECT_EQ(pass(true), 0ms);
}

TEST_F(PassScheduleTest, PassesThatFindSomethingFollowEachOtherAtTheInterval) {
  pass(true);
  EXPECT_EQ(pass(true), 100ms);
  EXPECT_EQ(pass(true), 100ms);
}

TEST_F(PassScheduleTest, PassesThatFindNothingBecomeRarer) {
  pass(false);
  EXPECT_EQ(pass(false), 100ms);
  EXPECT_EQ(pass(false), 200ms);
  sleep_deeply();
  EXPECT_EQ(pass(false), 2000ms);
}

TEST_F(PassScheduleTest, AGuestThatWakesUpIsLookedAtAtOnce) {
  sleep_deeply();
  now_ += 500ms;
  faults_ += PassSchedule::faults_worth_a_pass;
  EXPECT_LE(schedule_.due(faults_), now_);
}

TEST_F(PassScheduleTest, FewFaultsWaitUntilThereAreMore) {
  sleep_deeply();
  EXPECT_EQ(schedule_.due(faults_ + PassSchedule::faults_worth_a_pass - 1), now_ + 2000ms);
}

TEST_F(PassScheduleTest, WhoAsksGetsTwoPasses) {
  sleep_deeply();
  schedule_.ask();
  EXPECT_EQ(pass(false), 100ms);
  EXPECT_EQ(pass(false), 100ms);
  EXPECT_EQ(pass(false), 2000ms);
}

// A pass may take long, when the processor is to be had in turns.
TEST_F(PassScheduleTest, WhoAsksDuringAPassGetsTwoMore) {
  sleep_deeply();
  const bool asked = schedule_.asked();
  schedule_.ask();
  schedule_.passed({now_, false, asked, faults_}, knobs_);
  EXPECT_EQ(pass(false), 100ms);
  EXPECT_EQ(pass(false), 100ms);
  EXPECT_EQ(pass(false), 2000ms);
}

TEST_F(PassScheduleTest, ANewDaemonIsServedAtOnce) {
  sleep_deeply();
  schedule_.restart(now_);
  EXPECT_EQ(pass(true), 0ms);
}

}  // namespace
}  // namespace samepage::dedup
