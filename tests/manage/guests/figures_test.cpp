// SPDX-License-Identifier: Apache-2.0
#include "manage/guests/figures.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <set>
#include <sstream>
#include <vector>

#include "dedup/host_figures.hpp"
#include "vmm/control/guest_figures.hpp"

namespace samepage::guests {
namespace {

std::string manual() {
  std::ifstream file(SAMEPAGE_MANUAL);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

// The lists: the host's and a guest's.
std::array<std::vector<Figure>, 2> all_figures() {
  const auto host = dedup::host_figures();
  std::array<std::vector<Figure>, 2> lists{std::vector<Figure>(host.begin(), host.end()), {}};
  for (const vmm::GuestFigure& figure : vmm::guest_figures()) lists[1].push_back(figure.figure);
  return lists;
}

TEST(Figures, EachKeyIsInTheManualAndInOneListOnce) {
  const std::string text = manual();
  ASSERT_FALSE(text.empty());
  for (const auto& figures : all_figures()) {
    std::set<std::string_view> keys;
    for (const Figure& figure : figures) {
      EXPECT_TRUE(keys.insert(figure.key).second) << figure.key;
      EXPECT_NE(text.find("`" + std::string(figure.key) + "`"), std::string::npos) << figure.key;
    }
  }
}

// What the kernel knows nothing of: what is merged, promised and waited for is the daemon's or the agent's
// own record, and names are those that the user gave.
const std::array<std::set<std::string_view>, 2> ours_alone{
    {{"pages_unshared",
      "pages_volatile",
      "breaks",
      "full_scans",
      "overhead_bytes",
      "reserved_bytes",
      "worst_case_bytes",
      "hold_max_us",
      "tracker",
      "hold_us",
      "cpu_credit_us",
      "uncovered_bytes",
      "cpu_waiting_guests",
      "commit_limit_bytes",
      "slots_bytes",
      "paged_out",
      "came_back",
      "frames_out",
      "frame_dups",
      "pages_pending",
      "errors",
      "shortages"},
     {"name",      "domain",    "state",     "image",
      "pid",       "cpus",      "connected", "worst_case_bytes",
      "passes",    "merges",    "breaks",    "failed_merges",
      "paged_out", "came_back", "holds",     "hold_max_us",
      "hold_us",   "errors",    "shortages", "log",
      "disks",     "nets",      "kept_out",  "balloon"}}};

TEST(Figures, EachSaysWhatOfTheKernelsItCanBeCheckedAgainstOrIsOursAlone) {
  const std::string text = manual();
  const auto lists = all_figures();
  std::size_t checked = 0;
  for (std::size_t list = 0; list < ours_alone.size(); ++list) {
    const char* const of = list == 0 ? "all" : "a guest";
    for (const Figure& figure : lists[list]) {
      EXPECT_EQ(figure.checks.empty(), ours_alone[list].contains(figure.key)) << of << ": " << figure.key;
      if (figure.checks.empty()) continue;
      ++checked;
      const std::string row = fmt::format("\n| {} | `{}` | {} |\n", of, figure.key, figure.checks);
      EXPECT_NE(text.find(row), std::string::npos) << "the manual has no row" << row;
    }
  }
  // Neither does it have rows of figures that are gone.
  const std::string heading = "| of | key | the kernel's own |\n| --- | --- | --- |\n";
  const std::size_t begin = text.find(heading);
  ASSERT_NE(begin, std::string::npos);
  const std::string table =
      text.substr(begin + heading.size(), text.find("\n\n", begin) - begin - heading.size());
  EXPECT_EQ(static_cast<std::size_t>(std::count(table.begin(), table.end(), '\n')) + 1, checked);
}

TEST(Figures, EachSaysWhatItIs) {
  for (const auto& figures : all_figures()) {
    for (const Figure& figure : figures) EXPECT_FALSE(figure.help.empty()) << figure.key;
  }
}

TEST(Figures, KeysTellTheirUnits) {
  for (const auto& figures : all_figures()) {
    for (const Figure& figure : figures) {
      if (figure.title.empty()) continue;
      const bool bytes = figure.unit == Unit::bytes || figure.unit == Unit::signed_bytes;
      EXPECT_EQ(figure.key.ends_with("_bytes"), bytes) << figure.key;
      EXPECT_EQ(figure.key.ends_with("_us"), figure.unit == Unit::microseconds) << figure.key;
    }
  }
}

TEST(Figures, RowsOfTheHostsTableFitATerminal) {
  for (const Figure& figure : dedup::host_figures()) {
    constexpr std::size_t columns = 80, title = 17, value = 12;
    EXPECT_LE(figure.title.size(), title) << figure.key;
    EXPECT_LE(title + value + figure.help.size(), columns) << figure.key;
  }
}

TEST(Figures, ValuesAreShownInTheirUnits) {
  const nlohmann::json object{{"count", 7}, {"bytes", 4096}, {"net", -4096}, {"us", 12}, {"word", "rehash"}};
  const auto shown = [&](std::string_view key, Unit unit) {
    return text_of({key, "", unit, Kind::gauge, "connected", ""}, object);
  };
  EXPECT_EQ(shown("count", Unit::count), "7");
  EXPECT_EQ(shown("bytes", Unit::bytes), "4.0 KiB");
  EXPECT_EQ(shown("net", Unit::signed_bytes), "-4.0 KiB");
  EXPECT_EQ(shown("us", Unit::microseconds), "12 us");
  EXPECT_EQ(shown("word", Unit::text), "rehash");
  EXPECT_EQ(shown("missing", Unit::count), "0");
  EXPECT_EQ(shown("missing", Unit::yes_or_no), "not connected");
}

}  // namespace
}  // namespace samepage::guests
