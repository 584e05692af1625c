// SPDX-License-Identifier: Apache-2.0
#include "manage/report/page.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <pugixml.hpp>

#include "base/check.hpp"
#include "base/temporary_directory.hpp"
#include "manage/report/chart.hpp"
#include "manage/report/html.hpp"
#include "manage/report/record_file.hpp"
#include "manage/report/ticks.hpp"

namespace samepage::report {
namespace {

using nlohmann::json;
using testing::ContainsRegex;
using testing::HasSubstr;
using testing::Not;

constexpr const char* evil = "</script><script>alert(1)</script>\"'><img src=x onerror=alert(2)>&\x01\xff";

History history_with(const std::string& name, const std::string& domain = "default") {
  History history;
  for (int i = 0; i < 5; ++i) {
    const json guest{{"name", name},         {"domain", domain},      {"image", name},
                     {"ram_bytes", 1 << 20}, {"private_bytes", i},    {"shared_bytes", 1 << 19},
                     {"zero_bytes", 4096},   {"untouched_bytes", 10}, {"breaks", i}};
    history.add_sample(100 + i,
                       {{"breaks", 5 * i},
                        {"net_saved_bytes", -3},
                        {"merge_cpu_us", 1000 * i},
                        {"daemon_cpu_us", i},
                        {"hold_us", {{"up_to", {50, 100}}, {"holds", {i, 1, 0}}}},
                        {"tracker", name}},
                       json::array({guest}));
  }
  SharingMatrix matrix = sharing_matrix({{name, domain, {{0, 3}}}, {"other", "there", {{0, 3}}}});
  history.add_sharing(105, std::move(matrix));
  return history;
}

json evil_analysis() {
  return {{"pages", 10},
          {"saved_bytes", 7},
          {"files", {{{"file", evil}, {"pages", 5}}, {{"file", "b"}}}},
          {"pairs", {{{"a", 0}, {"b", 1}, {"frames", 3}}, {{"a", 7}, {"b", -1}}, {{"a", evil}, {"b", "b"}}}}};
}

std::string page_of(const History& history, json analysis = nullptr) {
  PageSource source;
  source.history = &history;
  source.analysis = std::move(analysis);
  return page_html(source);
}

std::size_t count_in(const std::string& text, const std::string& part) {
  std::size_t found = 0;
  for (std::size_t at = 0; (at = text.find(part, at)) != std::string::npos; ++at) ++found;
  return found;
}

TEST(Html, EscapesWhatMeansSomethingAndWhatIsNotText) {
  EXPECT_EQ(html("a<b>&\"'c"), "a&lt;b&gt;&amp;&quot;&#39;c");
  EXPECT_EQ(html("a\x1b\xff"), "a\xef\xbf\xbd\xef\xbf\xbd");
  EXPECT_EQ(script_json({{"k", "</script>&"}}), R"({"k":"\u003c/script\u003e\u0026"})");
}

TEST(Page, NamesFromGuestsNeverBecomeMarkup) {
  const std::string page = page_of(history_with(evil, evil), evil_analysis());
  EXPECT_THAT(page, Not(HasSubstr("<img")));
  EXPECT_THAT(page, Not(HasSubstr("<script>alert")));
  EXPECT_THAT(page, HasSubstr("&lt;img src=x"));
  // Each script is one of the page's own.
  const std::string plain = page_of(history_with("plain"), evil_analysis());
  for (const char* tag : {"<script", "</script>"})
    EXPECT_EQ(count_in(page, tag), count_in(plain, tag)) << tag;
}

// Takes all elements out that begin like that, up to and with `end`.
void remove_elements(std::string& page, const std::string& begin, const std::string& end) {
  for (std::size_t at; (at = page.find(begin)) != std::string::npos;) {
    page.erase(at, page.find(end, at) + end.size() - at);
  }
}

// As XML the page is strict: each tag is closed, each attribute quoted, each & an entity.
TEST(Page, IsWellFormed) {
  std::string page = page_of(history_with(evil), evil_analysis());
  remove_elements(page, "<!DOCTYPE", ">");
  remove_elements(page, "<meta", ">");  // elements that HTML does not close
  remove_elements(page, "<script", "</script>");
  pugi::xml_document document;
  const pugi::xml_parse_result result = document.load_string(page.c_str());
  EXPECT_TRUE(result) << result.description()
                      << " near: " << page.substr(static_cast<std::size_t>(result.offset), 80);
  EXPECT_TRUE(document.child("html").child("body").child("main").child("figure"));
}

TEST(Page, LoadsNothing) {
  const std::string page = page_of(history_with("a"));
  for (const char* loads : {"http:", "https:", "url(", "@import", "src=", "<link", "//cdn"}) {
    EXPECT_THAT(page, Not(HasSubstr(loads)));
  }
  EXPECT_THAT(page, HasSubstr("default-src 'none'"));
}

TEST(Page, HasATableBesideEachPictureAndATitleInIt) {
  const std::string page = page_of(history_with("a"));
  EXPECT_GE(count_in(page, "<figure"), 6U);
  EXPECT_EQ(count_in(page, "<figure"), count_in(page, "Values as a table"));
  EXPECT_EQ(count_in(page, "<svg"), count_in(page, "role=\"img\" aria-label=\""));
  EXPECT_THAT(page, HasSubstr("Hold times"));
  EXPECT_THAT(page, HasSubstr("Who shares with whom"));
}

TEST(Page, OneMomentIsEnoughAndHundredsOfGuestsAreBounded) {
  History one;
  one.add_sample(1, json::object(), json::array());
  EXPECT_THAT(page_of(one), HasSubstr("Net saved"));
  History many;
  for (int t = 0; t < 700; ++t) {
    json guests = json::array();
    for (int i = 0; i < 300; ++i) {
      guests.push_back(
          {{"name", "guest-" + std::to_string(i)}, {"ram_bytes", 1}, {"private_bytes", t * 4096}});
    }
    if (t % 50 == 0) many.add_sample(t, json::object(), guests);
  }
  EXPECT_THAT(page_of(many), HasSubstr("Each of the 300 guests"));
}

TEST(Page, ItsFiguresAreThereAsJson) {
  const History history = history_with("a");
  PageSource source;
  source.history = &history;
  const json body = page_json(source);
  EXPECT_EQ(body["samples"], 5);
  EXPECT_EQ(body["breaks"], 20);
  EXPECT_EQ(body["net_saved_bytes"], -3);
  EXPECT_EQ(body["merge_cpu_us"], 4000);
  EXPECT_EQ(body["guests"][0]["breaks"], 4);
  EXPECT_EQ(body["sharing"]["guests"].size(), 2U);
}

Chart chart(std::vector<std::optional<double>> values) {
  Chart chart;
  chart.id = "c";
  chart.title = "t";
  for (std::size_t i = 0; i < values.size(); ++i) {
    chart.times.push_back(static_cast<double>(i));
    chart.after_gap.push_back(i == 0);
  }
  chart.series = {{"s", "own", std::move(values)}};
  return chart;
}

TEST(Chart, DrawsOverAnAxisWithZeroInIt) {
  const std::string page = chart_html(chart({0.0, 4096.0, 8192.0}));
  EXPECT_THAT(page, HasSubstr(R"(d="M0 1000L500 500L1000 0")"));
}

TEST(Chart, WhatIsNotKnownIsAGap) {
  const std::string page = chart_html(chart({8192.0, 8192.0, {}, 8192.0, 0.0}));
  EXPECT_THAT(page, HasSubstr(R"(d="M0 0L250 0M750 0L1000 1000")"));
}

TEST(Chart, StackedKindsStandOnEachOther) {
  Chart stacked = chart({4096.0, 4096.0});
  stacked.shape = Shape::stacked;
  stacked.series.push_back({"on top", "shared", {4096.0, 4096.0}});
  const std::string page = chart_html(stacked);
  EXPECT_THAT(page, HasSubstr(R"(class="band own" d="M0 500L1000 500L1000 1000L0 1000Z")"));
  EXPECT_THAT(page, HasSubstr(R"(class="band shared" d="M0 0L1000 0L1000 500L0 500Z")"));
}

TEST(Ticks, AreRoundAndAroundZero) {
  EXPECT_EQ(value_axis(0, 100, Scale::per_second).ticks, (std::vector<double>{0, 20, 40, 60, 80, 100}));
  EXPECT_EQ(value_axis(-30, 100, Scale::per_second).low, -50);
  EXPECT_EQ(value_axis(-1, 100, Scale::per_second).low, -1);
  EXPECT_EQ(value_axis(0, 100 << 20, Scale::bytes).ticks[1], 32 << 20);
  for (const double most : {0.0, 1e-9, 1.0, 3.0, 1e6, 1e15}) {
    for (const Scale scale : {Scale::bytes, Scale::per_second, Scale::percent}) {
      const Axis axis = value_axis(0, most, scale);
      EXPECT_GE(axis.high, most);
      EXPECT_GE(axis.ticks.size(), 2U) << most;
      EXPECT_LE(axis.ticks.size(), 7U) << most;
    }
  }
  for (const double seconds : {0.0, 0.3, 7.0, 90.0, 4000.0, 1e6}) {
    const Axis axis = time_axis(seconds);
    EXPECT_GE(axis.ticks.size(), 2U) << seconds;
    EXPECT_LE(axis.ticks.size(), 7U) << seconds;
    EXPECT_LE(axis.ticks.back(), axis.high * 1.0001);
  }
  EXPECT_EQ(elapsed_text(5400), "1 h 30 min");
  EXPECT_EQ(elapsed_text(90), "1 min 30 s");
  EXPECT_EQ(elapsed_text(0.5), "0.5 s");
}

// ---- Records as files.

class RecordFileTest : public testing::Test {
 protected:
  [[nodiscard]] std::string path() const { return directory_.path() + "/record"; }
  [[nodiscard]] std::uint64_t samples_in(std::uint64_t& damaged) const {
    History history;
    RecordReader reader(history);
    read_record(path(), reader);
    damaged = reader.damaged();
    return history.samples();
  }
  void put(const std::string& text) const { std::ofstream(path(), std::ios::app) << text; }

  TemporaryDirectory directory_;
  std::string sample_ = R"({"t": 1, "host": {}, "guests": []})"
                        "\n";
};

TEST_F(RecordFileTest, GoesOnBehindALineThatWasCutOff) {
  {
    const RecordFile file(path());
    file.append(first_line(1, std::chrono::milliseconds(100)));
    file.append(sample_);
    EXPECT_THROW(RecordFile{path()}, UserError) << "two at a time";
  }
  put(sample_.substr(0, 20));
  std::uint64_t damaged = 0;
  EXPECT_EQ(samples_in(damaged), 1U);
  EXPECT_EQ(damaged, 1U);
  {
    const RecordFile file(path());
    file.append(first_line(2, std::chrono::milliseconds(100)));
    file.append(sample_);
  }
  EXPECT_EQ(samples_in(damaged), 2U);
  EXPECT_EQ(damaged, 1U);
}

TEST_F(RecordFileTest, LeavesOtherFilesAlone) {
  put("my diary\n");
  EXPECT_THROW(RecordFile{path()}, UserError);
  std::uint64_t damaged = 0;
  EXPECT_THROW(static_cast<void>(samples_in(damaged)), UserError);
  EXPECT_THROW(RecordFile{"/dev/null"}, UserError);
  std::ifstream file(path());
  std::string text;
  std::getline(file, text);
  EXPECT_EQ(text, "my diary");
}

}  // namespace
}  // namespace samepage::report
