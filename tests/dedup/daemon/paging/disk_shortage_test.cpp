// SPDX-License-Identifier: Apache-2.0
#include "dedup/daemon/paging/disk_shortage.hpp"

#include <gtest/gtest.h>

#include <optional>

namespace samepage::dedup {
namespace {

class DiskShortageTest : public testing::Test {
 protected:
  [[nodiscard]] bool is_short() const { return shortages_.is_short(Resource::disk); }
  Shortages shortages_;
  std::optional<DiskShortage> disk_{std::in_place, shortages_};
};

TEST_F(DiskShortageTest, PagesThatAreHeldBackAreCountedASecond) {
  EXPECT_TRUE(disk_->next()) << "nothing is short";
  for (int i = 0; i < 3; ++i) disk_->holds_back();
  EXPECT_TRUE(is_short());
  static_cast<void>(disk_->next());
  EXPECT_EQ(disk_->waiting(), 3U);
  for (int i = 0; i < 2; ++i) disk_->holds_back();
  static_cast<void>(disk_->next());
  EXPECT_EQ(disk_->waiting(), 2U);
}

TEST_F(DiskShortageTest, APageThatGoesOutEndsIt) {
  disk_->refused("No space left on device");
  EXPECT_TRUE(disk_->lacks());
  disk_->written();
  EXPECT_FALSE(is_short());
  EXPECT_EQ(disk_->waiting(), 0U);
}

TEST_F(DiskShortageTest, ItEndsWhenNobodyWantsRoomForAWhile) {
  disk_->holds_back();
  int seconds = 0;
  for (; is_short() && seconds < 100; ++seconds) {
    if (seconds == 3) disk_->holds_back();
    static_cast<void>(disk_->next());
  }
  EXPECT_GT(seconds, 4) << "somebody wanted room meanwhile";
  EXPECT_LT(seconds, 100);
}

TEST_F(DiskShortageTest, ItGoesWithItsDomain) {
  disk_->holds_back();
  disk_.reset();
  EXPECT_FALSE(is_short());
}

}  // namespace
}  // namespace samepage::dedup
