// SPDX-License-Identifier: Apache-2.0
#include "dedup/agent/guarded_guest.hpp"

#include <gtest/gtest.h>

namespace samepage::dedup {
namespace {

using std::chrono::milliseconds;
using wire::GuardOrder;
using wire::Taking;

constexpr std::uint64_t mib = std::uint64_t{1} << 20U;
constexpr GuardMarks marks{64 * mib};
constexpr std::uint64_t below_low = marks.low - mib, below_stop = marks.stop() - mib;

class GuardedGuestTest : public testing::Test {
 protected:
  // So much memory is left a while later, and the guest has taken so much more.
  void look(std::uint64_t available, std::uint64_t taken = 0, milliseconds later = milliseconds(10)) {
    now_ += later;
    own_ += taken;
    guest_.look({available, marks.low, 7, own_, now_, guarded_, heard_});
  }
  // It has been seen to take memory.
  void takes(std::uint64_t available) {
    for (int i = 0; i < 3; ++i) look(available, mib);
  }
  void order(GuardOrder order, std::uint64_t available, std::uint64_t taken = 0) {
    guest_.ordered(order);
    look(available, taken);
  }
  Taking told() {
    const auto room = guest_.told();
    EXPECT_TRUE(room);
    return room ? room->taking : Taking::nothing;
  }

  GuardedGuest guest_;
  GuardedGuest::Clock::time_point now_{std::chrono::hours(1)};
  std::uint64_t own_ = 100 * mib;
  bool guarded_ = true, heard_ = true;
};

TEST_F(GuardedGuestTest, BelowTheLastMarkItStandsStillWhenItTakesMore) {
  takes(marks.stop());
  EXPECT_FALSE(guest_.stands_still());
  look(below_stop, mib);
  EXPECT_TRUE(guest_.stands_still());
}

TEST_F(GuardedGuestTest, OneThatTakesNothingIsLeftAloneHoweverLittleThereIs) {
  for (int i = 0; i < 1000; ++i) look(0, i % 100 == 0 ? 4096 : 0);
  EXPECT_FALSE(guest_.stands_still()) << "timers of an idle guest";
}

TEST_F(GuardedGuestTest, OneThatHasTakenAllThatItWantedIsLeftAlone) {
  takes(marks.low);
  for (int i = 0; i < 100; ++i) look(marks.low);
  look(below_stop);
  EXPECT_FALSE(guest_.stands_still());
}

TEST_F(GuardedGuestTest, OneThatTakesSlowlyStandsStillToo) {
  int looks = 0;
  for (; !guest_.stands_still() && looks < 1000; ++looks) look(below_stop, 16384);  // 1.6 MiB a second
  EXPECT_LT(looks, 100);
}

TEST_F(GuardedGuestTest, AnOrderIsObeyedWhereTheGuestFindsTheSame) {
  takes(marks.low);
  order(GuardOrder::stand, marks.low, mib);
  EXPECT_FALSE(guest_.stands_still()) << "there is enough, whatever others have told the daemon";
  look(below_low, mib);
  EXPECT_FALSE(guest_.stands_still()) << "that order is over";
  order(GuardOrder::stand, below_low, mib);
  EXPECT_TRUE(guest_.stands_still());
}

TEST_F(GuardedGuestTest, ItGoesOnWhenItIsToldAndStandsStillAgainWhenItTakesMore) {
  takes(below_stop);
  ASSERT_TRUE(guest_.stands_still());
  for (int i = 0; i < 100; ++i) look(marks.again());
  EXPECT_TRUE(guest_.stands_still()) << "nobody has said so";
  order(GuardOrder::go, marks.again());
  EXPECT_FALSE(guest_.stands_still());
  look(below_stop);
  EXPECT_FALSE(guest_.stands_still()) << "it has taken nothing yet";
  takes(below_stop);
  EXPECT_TRUE(guest_.stands_still());
}

TEST_F(GuardedGuestTest, WithoutTheGuardItNeverStandsStill) {
  takes(below_stop);
  ASSERT_TRUE(guest_.stands_still());
  guarded_ = false;
  look(0, mib);
  EXPECT_FALSE(guest_.stands_still());
  takes(0);
  EXPECT_FALSE(guest_.stands_still());
}

// A daemon that hangs, or is lost: nobody may wait for ever where there is plenty.
TEST_F(GuardedGuestTest, ItGoesOnByItselfWhenThereHasBeenPlentyForLong) {
  takes(below_stop);
  ASSERT_TRUE(guest_.stands_still());
  look(marks.plenty(), 0, milliseconds(1000));
  EXPECT_TRUE(guest_.stands_still()) << "there has just become some";
  int looks = 0;
  for (; guest_.stands_still() && looks < 1000; ++looks) look(marks.plenty(), 0, milliseconds(100));
  EXPECT_GE(looks, 50) << "a daemon that is only slow is waited for";
  EXPECT_LE(looks, 60);
}

TEST_F(GuardedGuestTest, WithoutADaemonTheFastWaitForLonger) {
  heard_ = false;
  const auto looks_until_it_goes_on = [&](std::uint64_t taken_a_look) {
    for (int i = 0; i < 100; ++i) look(below_stop, taken_a_look);
    EXPECT_TRUE(guest_.stands_still());
    int looks = 0;
    for (; guest_.stands_still() && looks < 1000; ++looks) look(marks.plenty(), 0);
    for (int i = 0; i < 100; ++i) look(marks.plenty());
    return looks;
  };
  const int slow = looks_until_it_goes_on(mib / 2), fast = looks_until_it_goes_on(4 * mib);
  EXPECT_GT(slow, 10);
  EXPECT_GT(fast, 2 * slow);
  EXPECT_LT(fast, 600);
}

TEST_F(GuardedGuestTest, WhatItTellsSaysHowFastItTakes) {
  look(2 * marks.low, 10 * mib);
  EXPECT_FALSE(guest_.told()) << "there is plenty";
  for (int i = 0; i < 100; ++i) look(below_low, mib);
  const auto room = guest_.told();
  ASSERT_TRUE(room);
  EXPECT_EQ(room->available, below_low);
  EXPECT_EQ(room->low, marks.low);
  EXPECT_EQ(room->place, 7U);
  EXPECT_EQ(room->taking, Taking::more);
  EXPECT_NEAR(static_cast<double>(room->rate), 100.0 * mib, mib);
  look(below_stop, mib);
  EXPECT_EQ(told(), Taking::stands);
  order(GuardOrder::go, marks.plenty());
  EXPECT_EQ(told(), Taking::nothing) << "that it has gone on, and that there is plenty";
  look(marks.plenty());
  EXPECT_FALSE(guest_.told());
}

TEST_F(GuardedGuestTest, LooksComeTheSoonerTheLessThereIs) {
  look(100'000 * mib);
  EXPECT_EQ(guest_.look_again(), milliseconds(1000));
  EXPECT_FALSE(guest_.is_scarce());
  takes(marks.low);
  const auto at_low = guest_.look_again();
  EXPECT_LE(at_low.count(), 16) << "2 MiB a millisecond until the last mark";
  takes(marks.stop() + mib);
  EXPECT_LT(guest_.look_again(), at_low);
  EXPECT_GT(guest_.look_again().count(), 0);
  EXPECT_TRUE(guest_.is_pressed());
  takes(below_stop);
  EXPECT_GE(guest_.look_again(), milliseconds(100)) << "one that stands still takes nothing";
  EXPECT_FALSE(guest_.is_pressed());
}

}  // namespace
}  // namespace samepage::dedup
