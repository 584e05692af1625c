// SPDX-License-Identifier: Apache-2.0
#include "vmm/cli/snapshot.hpp"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace samepage::cli {
namespace {

using nlohmann::json;

TEST(HostFigures, HaveExactlyThePublishedKeysWithAndWithoutADaemon) {
  const std::set<std::string> published{
      "pages_shared", "pages_sharing", "pages_unshared", "pages_volatile", "zero_pages",
      "full_scans",   "breaks",        "saved_bytes",    "overhead_bytes", "net_saved_bytes",
      "kernel_bytes", "stop_max_us",   "tracker",        "frame_dups"};
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
  const std::vector<json> guests{{{"pss_anon_bytes", 4000}}, {{"pss_anon_bytes", 50000}}};
  EXPECT_EQ(host_figures(daemon, guests)["kernel_bytes"], 54321);
}

}  // namespace
}  // namespace samepage::cli
