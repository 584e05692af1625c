// SPDX-License-Identifier: Apache-2.0
#include "dedup/daemon/guest_table.hpp"

#include <gtest/gtest.h>

namespace samepage::dedup {
namespace {

class GuestTableTest : public testing::Test {
 protected:
  // Sessions are only compared.
  Session* session(std::size_t n) {
    // SAFETY: never dereferenced.
    return reinterpret_cast<Session*>(&sessions_.at(n));
  }
  Guest& add(std::uint64_t membership, uid_t uid = 1000) {
    Guest guest;
    guest.membership = membership;
    guest.peer.uid = uid;
    guest.process = {0, membership};
    guest.pages = 10;
    guest.domain = "1000:default";
    guest.first = {static_cast<std::uint32_t>(membership) * 10};
    guest.session = session(membership);
    return table_.add(guest);
  }
  static wire::Report after(std::uint64_t passes, std::uint64_t breaks = 0) {
    wire::Report report;
    report.passes = passes;
    report.breaks = breaks;
    return report;
  }

  std::array<std::uint64_t, 10> sessions_{};
  GuestTable table_;
};

TEST_F(GuestTableTest, AGuestIsFoundByAllThatNamesIt) {
  Guest& first = add(1);
  Guest& second = add(2);
  EXPECT_EQ(table_.find(1), &first);
  EXPECT_EQ(table_.of_session(*session(2)), &second);
  EXPECT_EQ(table_.at("1000:default", {20}), &second);
  EXPECT_EQ(table_.at("1000:other", {20}), nullptr);
  table_.remove(2);
  EXPECT_EQ(table_.find(2), nullptr);
  EXPECT_EQ(table_.of_session(*session(2)), nullptr);
}

TEST_F(GuestTableTest, OnlyTheSameProcessHasItsMembershipBack) {
  const Guest& guest = add(1);
  wire::Hello hello;
  hello.pages = 10;
  hello.former_membership = 1;
  EXPECT_EQ(table_.former(hello, guest.process, guest.domain), &guest);
  EXPECT_EQ(table_.former(hello, {0, 77}, guest.domain), nullptr);
  EXPECT_EQ(table_.former(hello, guest.process, "1000:other"), nullptr);
  hello.pages = 11;
  EXPECT_EQ(table_.former(hello, guest.process, guest.domain), nullptr);
  hello.pages = 10;
  hello.former_membership = 0;
  EXPECT_EQ(table_.former(hello, guest.process, guest.domain), nullptr);
}

TEST_F(GuestTableTest, UsersAndProcessesAreCounted) {
  add(1);
  add(2, 7).process = {0, 1};
  add(3, 7);
  EXPECT_EQ(table_.totals_of(7).guests, 2U);
  EXPECT_EQ(table_.of_process({0, 1}), 2);
}

TEST_F(GuestTableTest, AFullScanEndsWhenAllThatAreConnectedHavePassed) {
  Guest& first = add(1);
  Guest& second = add(2);
  add(3).session = nullptr;
  EXPECT_FALSE(table_.report(first, after(1)));
  EXPECT_FALSE(table_.report(second, after(0))) << "it has not looked at anything";
  EXPECT_TRUE(table_.report(second, after(1)));
  EXPECT_FALSE(table_.report(second, after(2))) << "the next one begins anew";
  EXPECT_TRUE(table_.report(first, after(2)));
}

TEST_F(GuestTableTest, WhatAGuestDidOutlivesIt) {
  Guest& guest = add(1);
  wire::Report report = after(1, 5);
  report.hold_max_us = 300;
  report.hold_times.holds[4] = 1;
  report.merge_cpu_us = 70;
  EXPECT_TRUE(table_.report(guest, report));
  EXPECT_TRUE(table_.breaks_of_gone().empty());
  table_.remove(1);
  EXPECT_EQ(table_.breaks_of_gone().at(1000), 5U);
  EXPECT_EQ(table_.hold_max_us().at(1000), 300U);
  EXPECT_EQ(table_.past().hold_times.count(), 1U);
  EXPECT_EQ(table_.past().merge_cpu_us, 70U);
}

}  // namespace
}  // namespace samepage::dedup
