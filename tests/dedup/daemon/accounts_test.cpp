// SPDX-License-Identifier: Apache-2.0
#include "dedup/daemon/accounts.hpp"

#include <gtest/gtest.h>

#include "dedup/daemon/account_share.hpp"

namespace samepage::dedup {
namespace {

TEST(Account, MergingLeavesRoomForWhatMembersHaveToSay) {
  Account account(8000);
  EXPECT_TRUE(account.charge_for_merging(7000));
  EXPECT_FALSE(account.charge_for_merging(1));
  EXPECT_EQ(account.refusals(), 1U);
  EXPECT_TRUE(account.charge(1000));
  EXPECT_FALSE(account.charge(1));
  account.release(8000);
  EXPECT_TRUE(account.charge_for_merging(7000));
}

TEST(AccountShare, WhatAConnectionHadGoesBackWithIt) {
  const auto account = std::make_shared<Account>(100);
  {
    AccountShare share(account);
    EXPECT_TRUE(share.charge(60));
    EXPECT_FALSE(share.charge(60));
    share.charge_anyway(60);
    share.release(20);
    EXPECT_EQ(account->used(), 100U);
  }
  EXPECT_EQ(account->used(), 0U);
}

TEST(Accounts, AUserHasOneAccountWhileSomebodyHoldsIt) {
  Accounts accounts;
  auto account = accounts.of(7, 100);
  EXPECT_EQ(accounts.of(7, 200), account);
  EXPECT_EQ(account->limit(), 100U);
  account.reset();
  EXPECT_EQ(accounts.of(7, 200)->limit(), 200U);
}

TEST(Accounts, AFullAccountIsToldOfOnce) {
  Accounts accounts;
  const auto one = accounts.of(1, 10), two = accounts.of(2, 10);
  EXPECT_TRUE(accounts.newly_full().empty());
  EXPECT_FALSE(one->charge(11));
  EXPECT_EQ(accounts.newly_full(), std::vector<uid_t>{1});
  EXPECT_FALSE(one->charge(11));
  EXPECT_FALSE(two->charge(11));
  EXPECT_EQ(accounts.newly_full(), std::vector<uid_t>{2});
  EXPECT_TRUE(accounts.newly_full().empty());
}

}  // namespace
}  // namespace samepage::dedup
