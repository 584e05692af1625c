// SPDX-License-Identifier: Apache-2.0
#include "manage/top/rows.hpp"

#include <gtest/gtest.h>

#include "manage/top/arrangement.hpp"
#include "manage/top/table_text.hpp"

namespace samepage::top {
namespace {

using guests::Snapshot;
using nlohmann::json;

json guest(const std::string& name, std::uint64_t breaks = 0, std::uint64_t pid = 7) {
  return {{"name", name},         {"state", "running"},    {"domain", "default"}, {"pid", pid},
          {"ram_bytes", 1 << 20}, {"shared_bytes", 40960}, {"zero_bytes", 4096},  {"breaks", breaks},
          {"cpu_user_us", 0},     {"cpu_system_us", 0},    {"image", "fill"}};
}

Snapshot sample(std::vector<json> guests) {
  Snapshot snapshot;
  snapshot.host = {{"pages_shared", 10}, {"pages_sharing", 30}};
  snapshot.guests = std::move(guests);
  return snapshot;
}

Cell cell(const Row& row, std::string_view key) {
  return row.cells.at(column(key));
}

TEST(Rows, RatesAreOfTheTimeBetweenTwoSamples) {
  RowMaker maker;
  EXPECT_EQ(cell(maker.rows(sample({guest("a", 100)}), 10)[0], "breaks_per_s"), Cell());
  EXPECT_EQ(cell(maker.rows(sample({guest("a", 150)}), 12)[0], "breaks_per_s"), Cell(25.0));
}

TEST(Rows, TheTimeThatAGuestIsHeldIsOfEachSecond) {
  const auto held = [](std::uint64_t sum_us) {
    json told = guest("a");
    told["hold_us"] = {{"up_to", {50, 100}}, {"holds", {1, 2, 3}}, {"sum", sum_us}};
    return told;
  };
  RowMaker maker;
  EXPECT_EQ(cell(maker.rows(sample({held(1'000)}), 10)[0], "held_us_per_s"), Cell());
  EXPECT_EQ(cell(maker.rows(sample({held(9'000)}), 12)[0], "held_us_per_s"), Cell(4'000.0));
  json odd = guest("a");
  odd["hold_us"] = "much";
  EXPECT_EQ(cell(maker.rows(sample({odd}), 13)[0], "held_us_per_s"), Cell());
}

TEST(Rows, ACounterThatHasStartedAgainHasNoRate) {
  RowMaker maker;
  maker.rows(sample({guest("a", 100)}), 10);
  EXPECT_EQ(cell(maker.rows(sample({guest("a", 20)}), 11)[0], "breaks_per_s"), Cell());
  EXPECT_EQ(cell(maker.rows(sample({guest("a", 500, 8)}), 12)[0], "breaks_per_s"), Cell())
      << "another process";
  EXPECT_EQ(cell(maker.rows(sample({guest("a", 501, 8)}), 12)[0], "breaks_per_s"), Cell()) << "no time";
}

TEST(Rows, ASilentGuestHasNoFiguresAndItsRateGoesOnOverTheSilence) {
  RowMaker maker;
  maker.rows(sample({guest("a", 100)}), 10);
  const Row silent = maker.rows(sample({json{{"name", "a"}, {"state", "not answering"}}}), 11)[0];
  EXPECT_FALSE(silent.answers);
  EXPECT_EQ(cell(silent, "saved_bytes"), Cell());
  EXPECT_EQ(cell(maker.rows(sample({guest("a", 140)}), 14)[0], "breaks_per_s"), Cell(10.0));
}

TEST(Rows, WhatGuestsSaveAddsUpToTheHostsFigure) {
  const json host{{"pages_shared", 10}, {"pages_sharing", 30}};  // 40 mappings of 10 frames
  const double saved = saved_by({{"shared_bytes", 15 * 4096}, {"zero_bytes", 4096}}, host) +
                       saved_by({{"shared_bytes", 25 * 4096}, {"zero_bytes", 8192}}, host);
  EXPECT_DOUBLE_EQ(saved, (30 + 3) * 4096);
  EXPECT_EQ(saved_by({{"shared_bytes", 4096}}, json::object()), 0);
}

TEST(Rows, AnAnswerOfWrongTypesIsNotTold) {
  RowMaker maker;
  json odd = guest("a");
  odd["state"] = 5;
  odd["private_bytes"] = "much";
  odd["domain"] = json::array({1});
  const Row row = maker.rows(sample({odd}), 1)[0];
  EXPECT_EQ(row.state, "");
  EXPECT_EQ(cell(row, "private_bytes"), Cell());
  EXPECT_EQ(cell(row, "domain"), Cell());
}

std::vector<std::string> names(const std::vector<Row>& rows) {
  std::vector<std::string> names;
  for (const Row& row : rows) names.push_back(row.name);
  return names;
}

std::vector<Row> three_rows() {
  json big = guest("big");
  big["zero_bytes"] = 1 << 20;
  json other = guest("other");
  other["domain"] = "tenant";
  other["image"] = "vmlinux";
  json silent{{"name", "silent"}, {"state", "not answering"}};
  return RowMaker().rows(sample({silent, other, guest("small"), big}), 1);
}

TEST(Arrangement, SortsAndPutsWhatIsNotKnownLastEitherWay) {
  Arrangement arrangement;
  EXPECT_EQ(names(arranged(three_rows(), arrangement)),
            (std::vector<std::string>{"big", "other", "small", "silent"}));
  arrangement.order = Order::ascending;
  EXPECT_EQ(names(arranged(three_rows(), arrangement)),
            (std::vector<std::string>{"other", "small", "big", "silent"}));
  arrangement.sort = column("name");
  EXPECT_EQ(names(arranged(three_rows(), arrangement)),
            (std::vector<std::string>{"big", "other", "silent", "small"}));
}

TEST(Arrangement, FiltersByNameImageAndDomain) {
  Arrangement arrangement;
  arrangement.filter = "vmlin";
  EXPECT_EQ(names(arranged(three_rows(), arrangement)), std::vector<std::string>{"other"});
  arrangement.filter = "al";
  EXPECT_EQ(names(arranged(three_rows(), arrangement)), (std::vector<std::string>{"small"}));
  arrangement = {};
  arrangement.domain = "tenant";
  EXPECT_EQ(names(arranged(three_rows(), arrangement)), std::vector<std::string>{"other"});
}

TEST(Arrangement, DomainsComeOneAfterTheOtherThenAll) {
  EXPECT_EQ(next_domain(three_rows(), ""), "default");
  EXPECT_EQ(next_domain(three_rows(), "default"), "tenant");
  EXPECT_EQ(next_domain(three_rows(), "tenant"), "");
  EXPECT_EQ(next_domain({}, ""), "");
}

TEST(Columns, AreNamedAndExplainedByTheListOfFigures) {
  EXPECT_EQ(columns()[0].key, "name");
  EXPECT_EQ(columns()[column("private_bytes")].heading, "PRIVATE");
  EXPECT_EQ(columns()[column("breaks_per_s")].heading, "BREAKS/S");
  EXPECT_EQ(columns()[column("held_us_per_s")].heading, "HELD/S");
}

TEST(Columns, CellsAreShortAndHoldNothingThatATerminalWouldObey) {
  EXPECT_EQ(text_of(columns()[column("private_bytes")], Cell(8.0 * 1024 * 1024)), "8.0M");
  EXPECT_EQ(text_of(columns()[column("hold_max_us")], Cell(512.0)), "512us");
  EXPECT_EQ(text_of(columns()[column("hold_max_us")], Cell(25'400.0)), "25ms");
  EXPECT_EQ(text_of(columns()[column("breaks_per_s")], Cell(0.25)), "0.2");
  EXPECT_EQ(text_of(columns()[column("breaks_per_s")], Cell(1234.6)), "1235");
  EXPECT_EQ(text_of(columns()[column("held_us_per_s")], Cell(1'234.0)), "1234us");
  EXPECT_EQ(text_of(columns()[column("held_us_per_s")], Cell(25'400.0)), "25ms");
  EXPECT_EQ(text_of(columns()[column("cpu_percent")], Cell(12.34)), "12.3%");
  EXPECT_EQ(text_of(columns()[column("domain")], Cell(std::string("a\x1b[2J\xc3\xa9"))), "a?[2J??");
  EXPECT_EQ(text_of(columns()[column("domain")], Cell()), "-");
}

TEST(TableText, CsvQuotesWhatNeedsIt) {
  json odd = guest("a");
  odd["image"] = "my \"best\", image";
  const std::vector<Row> rows = RowMaker().rows(sample({odd}), 1);
  const std::string lines = csv_lines(rows, 12.5);
  EXPECT_TRUE(lines.starts_with("12.500,a,running,")) << lines;
  EXPECT_TRUE(lines.ends_with(",\"my \"\"best\"\", image\"\n")) << lines;
  const std::string head = csv_head();
  EXPECT_TRUE(head.starts_with("time,name,state,saved_bytes,private_bytes,"));
  EXPECT_TRUE(head.ends_with(",image\n"));
}

TEST(TableText, JsonHasAKeyForEachColumn) {
  const Snapshot snapshot = sample({guest("a")});
  const json body = json_of(snapshot, RowMaker().rows(snapshot, 1), 2);
  EXPECT_EQ(body["host"], snapshot.host);
  EXPECT_EQ(body["guests"][0].size(), columns().size());
  EXPECT_EQ(body["guests"][0]["shared_bytes"], 40960);
  EXPECT_EQ(body["guests"][0]["breaks_per_s"], nullptr);
}

}  // namespace
}  // namespace samepage::top
