// SPDX-License-Identifier: Apache-2.0
// What metrics are made from: each guest, each domain and each user, as the daemon knows them.
#include <gtest/gtest.h>
#include <unistd.h>

#include "tests/dedup/fleet/fleet.hpp"

namespace samepage::dedup {
namespace {

TEST(FleetMetrics, TellOfEachGuestDomainAndUser) {
  Fleet fleet;
  FleetGuest& a = fleet.add(16);
  FleetGuest& b = fleet.add(16);
  static_cast<void>(fleet.add(8, {.domain = "other"}));
  for (std::size_t page = 0; page < 3; ++page) {
    a.fill(page, 1 + page);
    b.fill(page, 1 + page);
  }
  fleet.settle();
  const MetricsSnapshot snapshot = fleet.metrics();
  EXPECT_EQ(snapshot.host.at("pages_sharing"), 3U);
  ASSERT_EQ(snapshot.guests.size(), 3U);
  EXPECT_EQ(snapshot.guests_in_all, 3U);
  for (const MetricsSnapshot::Guest& guest : snapshot.guests) {
    EXPECT_TRUE(guest.connected);
    EXPECT_EQ(guest.pages, guest.domain == "other" ? 8U : 16U);
    EXPECT_EQ(guest.uid, ::geteuid());
    EXPECT_GT(guest.report.passes, 0U);
  }
  ASSERT_EQ(snapshot.domains.size(), 2U);
  EXPECT_EQ(snapshot.domains_in_all, 2U);
  for (const MetricsSnapshot::Domain& domain : snapshot.domains) {
    const bool shares = domain.label == "default";
    EXPECT_EQ(domain.guests, shares ? 2U : 1U) << domain.label;
    EXPECT_EQ(domain.pages_shared, shares ? 3U : 0U) << domain.label;
    EXPECT_EQ(domain.store_bytes, domain.pages_shared * page_size) << domain.label;
  }
  ASSERT_EQ(snapshot.users.size(), 1U);
  EXPECT_GT(snapshot.users.front().bytes, 0U);
  EXPECT_FALSE(snapshot.users.front().limit);
}

}  // namespace
}  // namespace samepage::dedup
