// SPDX-License-Identifier: Apache-2.0
#include "manage/cli/analysis_report.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <sstream>

namespace samepage::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// Files of `pages` pages each: a quarter zero, half shared, the rest unique.
AnalysisReport report_of(std::size_t files, std::uint64_t pages) {
  AnalysisReport report;
  for (std::uint32_t i = 0; i < files; ++i) {
    analyze::FileFigures file;
    file.pages = {pages, pages / 4, pages / 8, pages / 2, pages / 4, pages / 3};
    file.runs.add(4, pages / 8);
    file.mapped_runs = file.runs;
    file.mappings = pages / 4;
    report.figures.pages.pages += pages;
    report.figures.pages.zero_pages += pages / 4;
    report.figures.pages.hole_pages += pages / 8;
    report.figures.pages.shared_pages += pages / 2;
    report.figures.pages.unique_pages += pages / 4;
    report.figures.runs.add(file.runs);
    report.figures.files.push_back(file);
    report.files.push_back(
        {"/a/directory/with/a/long/name/guest-" + std::to_string(i) + ".raw", "raw", 0, 0, false});
    for (std::uint32_t other = 0; other < i; ++other) {
      report.figures.pairs.push_back({other, i, pages / 3, pages / 2, pages / 2});
    }
  }
  report.figures.pages.frames = pages / 2;
  report.mappings_for_merging = 64506;
  report.costs = analyze::costs_of(report.figures, report.mappings_for_merging);
  report.bytes_read = 123456789;
  report.seconds = 0.5;
  return report;
}

std::vector<std::string> lines_of(const std::string& text) {
  std::istringstream in(text);
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

TEST(AnalysisReport, FitsATerminalOf80Columns) {
  for (const std::uint64_t pages : {std::uint64_t{8}, std::uint64_t{1} << 20, std::uint64_t{1} << 28}) {
    for (const std::string& line : lines_of(report_of(40, pages).text(20)))
      EXPECT_LE(line.size(), 80U) << line;
  }
}

TEST(AnalysisReport, TheEndOfAPathTellsFilesApartAndNothingInItSteersATerminal) {
  AnalysisReport report = report_of(2, 800);
  report.files[1].path = "\x1b[2Jx";
  const std::string text = report.text(10);
  EXPECT_THAT(text, HasSubstr("guest-0.raw"));
  EXPECT_THAT(text, HasSubstr("?[2Jx"));
}

TEST(AnalysisReport, AsManyPairsAreShownAsWereAskedFor) {
  const AnalysisReport report = report_of(5, 800);
  EXPECT_THAT(report.text(10), Not(HasSubstr("pairs more")));
  EXPECT_THAT(report.text(3), HasSubstr("and 7 pairs more"));
  EXPECT_THAT(report.text(0), Not(HasSubstr("FILE A")));
}

TEST(AnalysisReport, TheJsonHasNumbersUnderTheirDocumentedNames) {
  const nlohmann::json json = report_of(2, 800).to_json();
  EXPECT_EQ(json.at("pages"), 1600);
  EXPECT_EQ(json.at("zero_pages"), 400);
  EXPECT_EQ(json.at("shared_pages"), 800);
  EXPECT_EQ(json.at("unique_pages"), 400);
  EXPECT_EQ(json.at("frames"), 400);
  EXPECT_EQ(json.at("runs"), 200);
  EXPECT_EQ(json.at("saved_bytes"), (400 + 800 - 400) * 4096);
  ASSERT_EQ(json.at("files").size(), 2U);
  EXPECT_EQ(json.at("files")[1].at("shared_pages"), 400);
  EXPECT_EQ(json.at("files")[1].at("runs"), 100);
  ASSERT_EQ(json.at("pairs").size(), 1U);
  EXPECT_EQ(json.at("pairs")[0].at("a"), 0);
  EXPECT_EQ(json.at("pairs")[0].at("b"), 1);
  EXPECT_EQ(json.at("pairs")[0].at("frames"), 266);
  EXPECT_EQ(json.at("pairs")[0].at("saved_bytes"), 266 * 4096);
  EXPECT_EQ(json.at("pairs_left_out"), 0);
  EXPECT_EQ(json.at("run_lengths")[0].at("from"), 4);
  for (const char* engine : {"samepage", "ksmd"}) {
    EXPECT_TRUE(json.at(engine).at("net_saved_bytes").is_number()) << engine;
  }
}

TEST(AnalysisReport, TheJsonHasTenThousandPairsAtMostAndSaysHowManyItLeavesOut) {
  const nlohmann::json json = report_of(150, 80).to_json();
  EXPECT_EQ(json.at("pairs").size(), 10000U);
  EXPECT_EQ(json.at("pairs_left_out"), 150 * 149 / 2 - 10000);
}

TEST(AnalysisReport, EveryKeyOfTheJsonIsInTheManual) {
  std::ifstream file(SAMEPAGE_MANUAL);
  const std::string manual{std::istreambuf_iterator<char>(file), {}};
  const nlohmann::json json = report_of(2, 800).to_json();
  const auto documented = [&](const nlohmann::json& object) {
    for (const auto& [key, value] : object.items()) EXPECT_THAT(manual, HasSubstr("`" + key + "`"));
  };
  documented(json);
  documented(json.at("files")[0]);
  documented(json.at("pairs")[0]);
  documented(json.at("samepage"));
  documented(json.at("run_lengths")[0]);
}

TEST(AnalysisReport, NotesSayWhatIsLeftOutOfWhichFile) {
  AnalysisReport report = report_of(2, 800);
  EXPECT_THAT(report.notes(), IsEmpty());
  report.files[0].left_out_bytes = 100;
  report.files[1].missing_bytes = 8192;
  report.files[1].changed = true;
  EXPECT_THAT(report.notes(),
              ElementsAre(HasSubstr("guest-0.raw has 100 bytes"), HasSubstr("while it was read"),
                          HasSubstr("does not have 8.0 KiB")));
}

}  // namespace
}  // namespace samepage::cli
