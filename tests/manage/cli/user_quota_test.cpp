// SPDX-License-Identifier: Apache-2.0
#include "manage/cli/user_quota.hpp"

#include <gtest/gtest.h>

#include "base/json.hpp"

namespace samepage::cli {
namespace {

nlohmann::json user() {
  return {{"uid", 1000},
          {"bytes", 524288},
          {"limit_bytes", nullptr},
          {"guests", 2},
          {"guests_limit", 4},
          {"ram_bytes", 1ULL << 30},
          {"ram_limit_bytes", nullptr},
          {"domains", 1},
          {"domains_limit", nullptr},
          {"kept_out", 0},
          {"policy_line", 3}};
}

TEST(UserQuota, WhatIsUsedIsShownWithItsLimitWhereThereIsOne) {
  EXPECT_TRUE(has_quota(user()));
  EXPECT_EQ(quota_text(user()), "2 of 4 guests, 1.0 GiB of RAM, 1 domains, 512.0 KiB held by the daemon");
}

TEST(UserQuota, GuestsThatAreKeptOutAreCounted) {
  nlohmann::json kept = user();
  kept["policy_line"] = nullptr;
  EXPECT_FALSE(has_quota(kept)) << "nothing bounds this user";
  kept["kept_out"] = 3;
  EXPECT_TRUE(has_quota(kept)) << "there is no rule for this user";
  EXPECT_TRUE(quota_text(kept).ends_with("; 3 kept out"));
}

TEST(UserQuota, OfAnOlderDaemonNothingIsShown) {
  EXPECT_FALSE(has_quota({{"uid", 1000}, {"bytes", 5}}));
}

}  // namespace
}  // namespace samepage::cli
