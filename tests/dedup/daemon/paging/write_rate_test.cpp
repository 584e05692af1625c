// SPDX-License-Identifier: Apache-2.0
#include "dedup/daemon/paging/write_rate.hpp"

#include <gtest/gtest.h>

namespace samepage::dedup {
namespace {

using std::chrono::milliseconds;

class WriteRateTest : public testing::Test {
 protected:
  // Milliseconds to wait.
  std::int64_t wait(std::uint64_t bytes, int at_ms) {
    const WriteRate::Clock::time_point now(milliseconds(1'000'000 + at_ms));
    return std::chrono::duration_cast<milliseconds>(rate_.begin(bytes, now) - now).count();
  }
  WriteRate rate_;
};

TEST_F(WriteRateTest, WithoutABoundNobodyWaits) {
  for (int i = 0; i < 10; ++i) EXPECT_EQ(wait(1U << 30U, 0), 0);
}

TEST_F(WriteRateTest, AllTogetherWriteSoManyBytesASecond) {
  rate_.set(1000);
  EXPECT_EQ(wait(600, 0), 0);
  EXPECT_EQ(wait(600, 0), 500) << "a tenth of a second's was saved up";
  EXPECT_EQ(wait(600, 100), 1000);
  EXPECT_EQ(wait(100, 3000), 0);
}

TEST_F(WriteRateTest, QuietTimesAreNotMadeUpFor) {
  rate_.set(1000);
  EXPECT_EQ(wait(100, 60'000), 0);
  EXPECT_EQ(wait(100, 60'000), 0);
  EXPECT_EQ(wait(100, 60'000), 100);
}

TEST_F(WriteRateTest, ABoundThatIsLiftedIsOver) {
  rate_.set(1);
  EXPECT_EQ(wait(1000, 0), 0);
  EXPECT_GT(wait(1, 0), 900'000);
  rate_.set(0);
  EXPECT_EQ(wait(1000, 0), 0);
  rate_.set(1000);
  EXPECT_EQ(wait(100, 0), 0) << "what a former bound has put off is forgotten";
}

}  // namespace
}  // namespace samepage::dedup
