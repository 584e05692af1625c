// SPDX-License-Identifier: Apache-2.0
#include "manage/guests/snapshot.hpp"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace samepage::guests {
namespace {

using nlohmann::json;

TEST(HostFigures, HaveExactlyThePublishedKeysWithAndWithoutADaemon) {
  const std::set<std::string> published{"pages_shared",
                                        "pages_sharing",
                                        "pages_unshared",
                                        "pages_volatile",
                                        "pages_pending",
                                        "zero_pages",
                                        "full_scans",
                                        "breaks",
                                        "saved_bytes",
                                        "overhead_bytes",
                                        "net_saved_bytes",
                                        "kernel_bytes",
                                        "hold_max_us",
                                        "stop_max_us",
                                        "tracker",
                                        "frame_dups",
                                        "frames_out",
                                        "errors",
                                        "hold_us",
                                        "merge_cpu_us",
                                        "daemon_cpu_us",
                                        "cpu_credit_us",
                                        "cpu_waiting_guests",
                                        "reserved_bytes",
                                        "committed_bytes",
                                        "commit_limit_bytes",
                                        "worst_case_bytes",
                                        "available_bytes",
                                        "uncovered_bytes",
                                        "paged_bytes",
                                        "paged_resident_bytes",
                                        "slots_bytes",
                                        "paged_out",
                                        "came_back",
                                        "shortages"};
  for (const json& daemon :
       {json::object(), json{{"saved_bytes", 5}, {"store_bytes", 7}, {"tracker", "rehash"}}}) {
    std::set<std::string> keys;
    const json host = host_figures(daemon, {});
    for (const auto& [key, value] : host.items()) keys.insert(key);
    EXPECT_EQ(keys, published);
  }
}

TEST(HostFigures, NetIsSavedLessOverheadAndMayBeNegative) {
  EXPECT_EQ(host_figures({{"saved_bytes", 100}, {"overhead_bytes", 30}}, {})["net_saved_bytes"], 70);
  EXPECT_EQ(host_figures({{"saved_bytes", 10}, {"overhead_bytes", 30}}, {})["net_saved_bytes"], -20);
}

TEST(HostFigures, TheKernelsFigureCountsGuestsDaemonStoreAndStagingOnce) {
  const json daemon{{"daemon_pss_anon_bytes", 1}, {"store_bytes", 20}, {"staging_bytes", 300}};
  const std::vector<json> guests{{{"pss_anon_bytes", 4000}},
                                 {{"pss_anon_bytes", 50000}, {"swap_pss_bytes", 600000}}};
  EXPECT_EQ(host_figures(daemon, guests)["kernel_bytes"], 654321);
}

json guest_on_store(std::uint64_t inode, std::uint64_t allocated, std::uint64_t mapped) {
  const json store{{"inode", inode}, {"allocated_bytes", allocated}, {"mapped_bytes", mapped}};
  return {{"orphaned_stores", json::array({store})}};
}

TEST(HostFigures, AStoreOfALostDaemonCountsOnceHoweverManyGuestsMapIt) {
  const std::vector<json> guests{guest_on_store(5, 1000, 300), guest_on_store(5, 1000, 200),
                                 guest_on_store(6, 40, 4)};
  const json host = host_figures({{"saved_bytes", 7000}, {"overhead_bytes", 10}}, guests);
  EXPECT_EQ(host["kernel_bytes"], 1040);
  EXPECT_EQ(host["overhead_bytes"], 10 + 500 + 36);
  EXPECT_EQ(host["net_saved_bytes"], 7000 - 546);
}

TEST(HostFigures, WhatGuestsMapOfALostDaemonsStoreIsNotACost) {
  const std::vector<json> guests{guest_on_store(5, 1000, 1000), guest_on_store(5, 1000, 1000)};
  EXPECT_EQ(host_figures(json::object(), guests)["overhead_bytes"], 0);
  EXPECT_EQ(host_figures(json::object(), guests)["kernel_bytes"], 1000);
}

TEST(HostFigures, AStoreWhoseDaemonIsThereAgainIsTheDaemonsAlone) {
  const json store{{"inode", 5}, {"allocated_bytes", 1000}};
  const json daemon{{"store_bytes", 1000}, {"stores", json::array({store})}};
  const json host = host_figures(daemon, {guest_on_store(5, 1000, 10)});
  EXPECT_EQ(host["kernel_bytes"], 1000);
  EXPECT_EQ(host["overhead_bytes"], 0);
}

TEST(HostFigures, AFileThatSeveralGuestsWereForkedFromCountsOnce) {
  const json forked{{"pss_anon_bytes", 10}, {"backing_files", {{{"inode", 7}, {"allocated_bytes", 1000}}}}};
  const json parent{{"pss_anon_bytes", 10},
                    {"backing_files",
                     {{{"inode", 7}, {"allocated_bytes", 1000}}, {{"inode", 8}, {"allocated_bytes", 500}}}}};
  EXPECT_EQ(host_figures(json::object(), {parent, forked, forked}).at("kernel_bytes"), 1530);
}

}  // namespace
}  // namespace samepage::guests
