// SPDX-License-Identifier: Apache-2.0
#include "dedup/daemon/statistics.hpp"

#include <gtest/gtest.h>

#include "base/json.hpp"

namespace samepage::dedup {
namespace {

// Its session is only compared with none.
Guest guest_with(const wire::Report& report, bool connected = true) {
  static std::uint64_t session = 0;
  Guest guest;
  guest.name = "web";
  guest.peer.pid = 12;
  guest.domain = "1000:default";
  // SAFETY: never dereferenced.
  guest.session = connected ? reinterpret_cast<Session*>(&session) : nullptr;
  guest.report = report;
  return guest;
}

TEST(Statistics, DomainsAddUp) {
  HostFigures host;
  host.add_domain({.pages_shared = 2, .pages_merged = 7, .pages_unshared = 1}, 100, {5, 8192});
  host.add_domain({.pages_shared = 1, .pages_merged = 2, .frame_dups = 1}, 20, {6, 4096});
  const nlohmann::json json = host.to_json();
  EXPECT_EQ(json.at("pages_shared"), 3);
  EXPECT_EQ(json.at("pages_sharing"), 6) << "further mappings: one of each frame's is its own";
  EXPECT_EQ(json.at("frame_dups"), 1);
  EXPECT_EQ(json.at("metadata_bytes"), 120);
  EXPECT_EQ(json.at("store_bytes"), 12288);
  EXPECT_EQ(json.at("stores").size(), 2U);
  EXPECT_EQ(json.at("saved_bytes"), 6 * 4096);
}

TEST(Statistics, FramesThatNobodyMapsYetDoNotCountBelowZero) {
  HostFigures host;
  host.add_domain({.pages_shared = 5, .pages_merged = 1}, 0, {});
  EXPECT_EQ(host.to_json().at("pages_sharing"), 0);
}

TEST(Statistics, AGuestWithoutAConnectionCountsWithWhatItDid) {
  wire::Report report;
  report.passes = 1;
  report.breaks = 3;
  report.zero_pages = 10;
  report.vmas = 2;
  report.agent_bytes = 50;
  report.merge_cpu_us = 20;
  report.hold_times.holds[3] = 2;
  report.hold_times.sum_us = 900;
  HostFigures host;
  host.add_guest(guest_with(report), 4096);
  host.add_guest(guest_with(report, false), 0);
  host.add_breaks_of_gone(4);
  host.add_past({report.hold_times, 1});
  host.count_daemon(1000);
  host.count_errors(2);
  const nlohmann::json json = host.to_json();
  EXPECT_EQ(json.at("breaks"), 10);
  EXPECT_EQ(json.at("errors"), 2);
  EXPECT_EQ(json.at("merge_cpu_us"), 41) << "of all, those that are gone too";
  EXPECT_EQ(json.at("hold_us").at("holds").at(3), 6);
  EXPECT_EQ(json.at("hold_us").at("sum"), 2700);
  EXPECT_EQ(json.at("zero_pages"), 10);
  EXPECT_EQ(json.at("overhead_bytes"), 1000 + 4096 + 50 + 2 * 256);
  EXPECT_EQ(json.at("net_saved_bytes"), 10 * 4096 - (1000 + 4096 + 50 + 2 * 256));
}

TEST(Statistics, TheTrackerIsThatOfAllGuestsOrMixed) {
  wire::Report report;
  HostFigures host;
  host.add_guest(guest_with(report), 0);
  EXPECT_EQ(host.to_json().at("tracker"), "none");
  report.passes = 1;
  host.add_guest(guest_with(report), 0);
  EXPECT_EQ(host.to_json().at("tracker"), "rehash");
  report.tracks_writes = 1;
  host.add_guest(guest_with(report), 0);
  EXPECT_EQ(host.to_json().at("tracker"), "mixed");
}

TEST(Statistics, TheLongestStopIsShown) {
  HostFigures host;
  for (const std::uint64_t hold : {3U, 9U, 5U}) host.add_hold(hold);
  EXPECT_EQ(host.to_json().at("hold_max_us"), 9);
}

TEST(Statistics, UsersWithoutALimitHaveNone) {
  Account limited(100), unlimited;
  EXPECT_FALSE(limited.charge(101));
  const PolicyRule rule{.user = "a", .line = 3, .max_guests = 4, .max_ram = 5};
  const UserFigures user{
      .uid = 7, .account = limited, .guests = 1, .ram_bytes = 2, .domains = 3, .kept_out = 6, .rule = &rule};
  EXPECT_EQ(to_json(user), (nlohmann::json{{"uid", 7},
                                           {"bytes", 0},
                                           {"limit_bytes", 100},
                                           {"refusals", 1},
                                           {"guests", 1},
                                           {"guests_limit", 4},
                                           {"ram_bytes", 2},
                                           {"ram_limit_bytes", 5},
                                           {"domains", 3},
                                           {"domains_limit", nullptr},
                                           {"kept_out", 6},
                                           {"policy_line", 3}}));
  const nlohmann::json free = to_json(UserFigures{.uid = 0, .account = unlimited});
  for (const char* limit : {"limit_bytes", "guests_limit", "ram_limit_bytes", "domains_limit", "policy_line"})
    EXPECT_TRUE(free.at(limit).is_null()) << limit;
}

}  // namespace
}  // namespace samepage::dedup
