// SPDX-License-Identifier: Apache-2.0
#include "manage/cli/demo_report.hpp"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace samepage::cli {
namespace {

using nlohmann::json;

DemoResult some_result() {
  DemoResult result;
  result.ram_bytes = std::uint64_t{256} << 20;
  result.before.host = {{"kernel_bytes", 200}};
  result.merged.host = {{"kernel_bytes", 100},
                        {"pages_sharing", 700},
                        {"zero_pages", 290},
                        {"net_saved_bytes", std::int64_t{64} << 20}};
  result.merged.guests = {{{"name", "fill-1"}}};
  result.duplicates = {300, 800, 100};
  return result;
}

TEST(DemoReport, EndsWithTheHeadline) {
  EXPECT_EQ(some_result().last_line(),
            "net saved: 64.0 MiB of 256.0 MiB (25.0 %), duplicates found: 99.0 % of all there are\n");
}

TEST(DemoReport, JsonHasThePublishedKeys) {
  const json body = some_result().to_json();
  std::set<std::string> keys;
  for (const auto& [key, value] : body.items()) keys.insert(key);
  EXPECT_EQ(keys, (std::set<std::string>{"ram_bytes", "net_saved_bytes", "duplicates_found_percent",
                                         "kernel_before_bytes", "kernel_after_bytes", "guests"}));
  EXPECT_EQ(body["kernel_before_bytes"], 200);
  EXPECT_EQ(body["kernel_after_bytes"], 100);
  EXPECT_DOUBLE_EQ(body["duplicates_found_percent"], 99.0);
}

TEST(DemoReport, WithoutDuplicatesAllWereFound) {
  EXPECT_DOUBLE_EQ(DemoResult{}.found_percent(), 100.0);
}

}  // namespace
}  // namespace samepage::cli
