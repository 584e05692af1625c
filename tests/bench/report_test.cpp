// SPDX-License-Identifier: Apache-2.0
#include "bench/report.hpp"

#include <gtest/gtest.h>

#include "base/json.hpp"

namespace samepage::bench {
namespace {

using nlohmann::json;

Report measured() {
  Report report;
  report.add("merge", "CPU", "s", Party::samepage, 3);
  report.add("merge", "time", "s", Party::samepage, 0.5);
  report.add("merge", "CPU", "s", Party::ksmd, 8);
  report.add("merge", "CPU", "s", Party::samepage, 1);
  report.add("merge", "CPU", "s", Party::samepage, 2);
  report.add("idle", "CPU", "s", Party::ksmd, 0);
  report.add("idle", "CPU", "s", Party::samepage, 1);
  return report;
}

TEST(Report, RowsStandInTheOrderOfTheirFirstValue) {
  const auto rows = measured().rows();
  ASSERT_EQ(rows.size(), 3U);
  EXPECT_EQ(rows[0].bench_case + rows[0].metric, "mergeCPU");
  EXPECT_EQ(rows[1].bench_case + rows[1].metric, "mergetime");
  EXPECT_EQ(rows[2].bench_case + rows[2].metric, "idleCPU");
}

TEST(Report, MediansAndSpreadsAreOfEachPartysOwnRuns) {
  const Row row = measured().rows()[0];
  ASSERT_TRUE(row.samepage && row.ksmd);
  EXPECT_EQ(row.samepage->median, 2);
  EXPECT_EQ(row.samepage->max, 3);
  EXPECT_EQ(row.samepage->runs, 3U);
  EXPECT_EQ(row.ksmd->runs, 1U);
  EXPECT_EQ(row.ratio(), 0.25);
}

TEST(Report, NoRatioWithoutBothOrToNothing) {
  const auto rows = measured().rows();
  EXPECT_EQ(rows[1].ratio(), std::nullopt);
  EXPECT_EQ(rows[2].ratio(), std::nullopt);
}

TEST(Report, JsonHasMediansRatiosAndSpreads) {
  const json report = json_of(measured().rows());
  ASSERT_EQ(report.size(), 1U);
  const json& rows = report.at("rows");
  ASSERT_EQ(rows.size(), 3U);
  EXPECT_EQ(rows[0], json({{"case", "merge"},
                           {"metric", "CPU"},
                           {"unit", "s"},
                           {"samepage", 2.0},
                           {"samepage_min", 1.0},
                           {"samepage_max", 3.0},
                           {"samepage_runs", 3},
                           {"ksmd", 8.0},
                           {"ksmd_min", 8.0},
                           {"ksmd_max", 8.0},
                           {"ksmd_runs", 1},
                           {"ratio", 0.25}}));
}

TEST(Report, JsonIsNullWhereNobodyMeasured) {
  const json row = json_of(measured().rows()).at("rows").at(1);
  EXPECT_TRUE(row.at("ksmd").is_null());
  EXPECT_TRUE(row.at("ksmd_min").is_null());
  EXPECT_TRUE(row.at("ratio").is_null());
  EXPECT_EQ(row.at("ksmd_runs"), 0);
}

TEST(Report, TableShowsTheSpreadOfSeveralRunsInBrackets) {
  const std::string table = table_of(measured().rows());
  EXPECT_NE(table.find("2.00 (1.00..3.00)"), std::string::npos) << table;
  EXPECT_NE(table.find("8.00  0.250"), std::string::npos) << table;
  EXPECT_NE(table.find("0.5000"), std::string::npos) << table;
}

}  // namespace
}  // namespace samepage::bench
