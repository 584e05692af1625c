// SPDX-License-Identifier: Apache-2.0
#include "dedup/agent/guest_holds.hpp"

#include <gtest/gtest.h>

#include <stdexcept>
#include <thread>

namespace samepage::dedup {
namespace {

class Barrier final : public WriteBarrier {
 public:
  void hold() override {
    ++holds_;
    held_ = true;
  }
  void release() override { held_ = false; }
  [[nodiscard]] bool keeps_waiting() const override { return false; }
  int holds_ = 0;
  bool held_ = false;
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
