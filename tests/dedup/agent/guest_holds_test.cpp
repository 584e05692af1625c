// SPDX-License-Identifier: Apache-2.0
#include "dedup/agent/guest_holds.hpp"

#include <gtest/gtest.h>
#include <sched.h>

#include <algorithm>
#include <chrono>
#include <stdexcept>
#include <thread>
#include <vector>

#include "base/yielding_thread.hpp"
#include "dedup/agent/hold_priority.hpp"
#include "tests/base/nice_value.hpp"

namespace samepage::dedup {
namespace {

class Barrier final : public WriteBarrier {
 public:
  void hold() override {
    ++holds_;
    held_ = true;
    const auto now = std::chrono::steady_clock::now();
    rested_ = rested_ && (holds_ == 1 || now - released_at_ >= released_at_ - held_at_);
    held_at_ = now;
    policies_.push_back(::sched_getscheduler(0));
    niceness_.push_back(test::nice_value());
  }
  void release() override { held_ = false, released_at_ = std::chrono::steady_clock::now(); }
  [[nodiscard]] bool keeps_waiting() const override { return keeps_waiting_; }
  [[nodiscard]] bool has_threads() const override { return has_threads_; }
  int holds_ = 0;
  bool held_ = false;
  bool keeps_waiting_ = false;
  bool has_threads_ = false;
  bool rested_ = true;  // before each hold but the first, for as long as it was held
  std::chrono::steady_clock::time_point held_at_, released_at_;
  // Of whoever held it, hold by hold.
  std::vector<int> policies_, niceness_;
};

class GuestHoldsTest : public testing::Test {
 protected:
  Barrier barrier_;
  int finished_ = 0;
  GuestHolds holds_{barrier_, [this](const PausedGuest&) {
                      EXPECT_TRUE(barrier_.held_);
                      ++finished_;
                    }};
};

TEST_F(GuestHoldsTest, ManyItemsAreDoneInOneHold) {
  holds_.set_budget(std::chrono::hours(1));
  int done = 0;
  holds_.work_off(std::vector{1, 2, 3}, [&](const PausedGuest&, int item) { done += item; });
  EXPECT_EQ(done, 6);
  EXPECT_EQ(barrier_.holds_, 1);
  EXPECT_EQ(holds_.holds(), 1U);
}

TEST_F(GuestHoldsTest, TheGuestIsLetGoAfterEachItemWhenTheTimeIsUp) {
  holds_.set_budget(std::chrono::microseconds(0));
  holds_.work_off(std::vector{1, 2, 3}, [&](const PausedGuest&, int) { EXPECT_TRUE(barrier_.held_); });
  EXPECT_EQ(barrier_.holds_, 3);
  EXPECT_EQ(finished_, 3);
}

TEST_F(GuestHoldsTest, EachHoldIsInABucketOfItsLength) {
  holds_.set_budget(std::chrono::microseconds(0));
  holds_.work_off(std::vector{0, 3, 0}, [](const PausedGuest&, int milliseconds) {
    std::this_thread::sleep_for(std::chrono::milliseconds(milliseconds));
  });
  const HoldTimes times = holds_.times();
  EXPECT_EQ(times.count(), 3U);
  EXPECT_GE(times.sum_us, 3000U);
  std::uint64_t long_ones = 0;
  for (std::size_t i = HoldTimes::bucket_of(3000); i < HoldTimes::buckets; ++i)
    long_ones += times.holds.at(i);
  EXPECT_GE(long_ones, 1U);
}

// Others beside it would wait for each hold, and for nobody's good.
TEST_F(GuestHoldsTest, OnlyAGuestThatWaitsIsHeldAtAPriorityOverOthers) {
  holds_.set_budget(std::chrono::microseconds(0));
  const int niceness = test::nice_value();
  YieldingThread yielding(5, [] {});
  yielding.run([&] {
    holds_.work_off(std::vector{false, true, true, false, false},
                    [&](const PausedGuest&, bool waits) { barrier_.keeps_waiting_ = waits; });
  });
  if (!HoldPriority::is_refused()) {
    const int usual = ::sched_getscheduler(0);
    // Before the first one nobody knows.
    EXPECT_EQ(barrier_.policies_, (std::vector{SCHED_FIFO, usual, SCHED_FIFO, SCHED_FIFO, usual}));
  }
  EXPECT_EQ(barrier_.niceness_[1], niceness) << "what gives way does not hold";
  EXPECT_EQ(barrier_.niceness_[4], niceness);
}

// One that sleeps does not wait, and could never say so if it was held again at once.
TEST_F(GuestHoldsTest, ThreadsOfTheGuestGetATurnWhetherTheyWaitOrNot) {
  holds_.set_budget(std::chrono::microseconds(0));
  barrier_.has_threads_ = true;
  holds_.work_off(std::vector{1, 2, 3, 4},
                  [](const PausedGuest&, int) { std::this_thread::sleep_for(std::chrono::milliseconds(2)); });
  EXPECT_TRUE(barrier_.rested_);
}

TEST(HoldTimes, ABucketHasWhatIsAsLongAsItsEnd) {
  EXPECT_EQ(HoldTimes::bucket_of(0), 0U);
  EXPECT_EQ(HoldTimes::bucket_of(50), 0U);
  EXPECT_EQ(HoldTimes::bucket_of(51), 1U);
  EXPECT_EQ(HoldTimes::bucket_of(100'000), HoldTimes::buckets - 2);
  EXPECT_EQ(HoldTimes::bucket_of(100'001), HoldTimes::buckets - 1);
}

TEST(HoldTimes, AreAddedAndTakenAwayBucketByBucket) {
  HoldTimes a, b;
  a.holds[2] = 3, a.sum_us = 500;
  b.holds[2] = 1, b.holds[10] = 4, b.sum_us = 70;
  HoldTimes both = a;
  both += b;
  EXPECT_EQ(both.holds[2], 4U);
  EXPECT_EQ(both.count(), 8U);
  both -= b;
  EXPECT_EQ(both, a);
}

TEST_F(GuestHoldsTest, WithoutWorkNobodyIsHeld) {
  holds_.work_off(std::vector<int>{}, [](const PausedGuest&, int) {});
  EXPECT_EQ(barrier_.holds_, 0);
}

TEST_F(GuestHoldsTest, TheGuestIsLetGoWhateverIsThrown) {
  EXPECT_THROW(
      holds_.work_off(std::vector{1}, [](const PausedGuest&, int) { throw std::runtime_error("no"); }),
      std::runtime_error);
  EXPECT_FALSE(barrier_.held_);
}

}  // namespace
}  // namespace samepage::dedup
