// SPDX-License-Identifier: Apache-2.0
#include "manage/guests/settling.hpp"

#include <gtest/gtest.h>

namespace samepage::guests {
namespace {

using nlohmann::json;

json sample(int sharing, int scans, int pending = 0) {
  return {{"pages_sharing", sharing},
          {"zero_pages", 5},
          {"pages_unshared", 7},
          {"pages_pending", pending},
          {"full_scans", scans}};
}

TEST(Settling, TakesSoManyScansWithoutAChange) {
  Settling settling(2);
  EXPECT_FALSE(settling.add(sample(10, 100)));
  EXPECT_FALSE(settling.add(sample(10, 101)));
  EXPECT_FALSE(settling.add(sample(11, 102))) << "changed in the last one";
  EXPECT_FALSE(settling.add(sample(11, 103)));
  EXPECT_TRUE(settling.add(sample(11, 104)));
  EXPECT_EQ(settling.merged(), 16U);
}

TEST(Settling, ScansDoNotCountWhileSomethingIsUnderWay) {
  Settling settling(2);
  for (int scans = 0; scans < 10; ++scans) EXPECT_FALSE(settling.add(sample(10, scans, 1)));
  EXPECT_FALSE(settling.add(sample(10, 10)));
  EXPECT_TRUE(settling.add(sample(10, 12)));
}

TEST(Settling, ADaemonThatIsNotThereHasNotSettled) {
  Settling settling(1);
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(settling.add(json::object()));
}

}  // namespace
}  // namespace samepage::guests
