// SPDX-License-Identifier: Apache-2.0
#include "manage/report/history.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "manage/report/record.hpp"

namespace samepage::report {
namespace {

using nlohmann::json;

json guest(const std::string& name, std::uint64_t own, std::uint64_t breaks = 0) {
  return {{"name", name},         {"domain", "d"},     {"ram_bytes", own + 10},
          {"private_bytes", own}, {"shared_bytes", 5}, {"zero_bytes", 3},
          {"untouched_bytes", 2}, {"breaks", breaks},  {"cpu_user_us", 10 * breaks}};
}

json host(std::uint64_t breaks = 0) {
  return {{"breaks", breaks},
          {"saved_bytes", 50},
          {"overhead_bytes", 60},
          {"net_saved_bytes", -10},
          {"kernel_bytes", 7}};
}

TEST(Sum, GoesOnWhenItsCounterStartsAgain) {
  Sum sum(Sum::Start::at_first_value);
  for (const std::uint64_t value : {100U, 130U, 5U, 6U}) sum.add(value);
  EXPECT_EQ(sum.total(), 30U + 5U + 1U);
  Sum from_zero(Sum::Start::at_zero);
  from_zero.add(7);
  EXPECT_EQ(from_zero.total(), 7U);
}

TEST(History, CountsSinceTheFirstSampleAndAllOfGuestsThatComeLater) {
  History history;
  history.add_sample(10, host(1000), json::array({guest("a", 1, 100)}));
  history.add_sample(11, host(1020), json::array({guest("a", 1, 110), guest("b", 1, 40)}));
  EXPECT_EQ(history.moments().back().breaks, 20U);
  EXPECT_EQ(history.guests().at("a").breaks, 10U);
  EXPECT_EQ(history.guests().at("b").breaks, 40U);
  EXPECT_EQ(history.moments().back().guests_cpu_us, 500U);
  EXPECT_EQ(history.moments().back().net_saved, -10);
}

TEST(History, MemoryOfEachGuestStandsBesideTheMoments) {
  History history;
  history.add_sample(1, host(), json::array({guest("a", 1)}));
  history.add_sample(2, host(), json::array({guest("a", 2), guest("b", 7)}));
  history.add_sample(3, host(),
                     json::array({guest("b", 8), json{{"name", "a"}, {"state", "not answering"}}}));
  const auto& a = history.guests().at("a").memory;
  ASSERT_EQ(a.size(), 2U);
  EXPECT_EQ(a[1]->own, 2U);
  const auto& b = history.guests().at("b").memory;
  ASSERT_EQ(b.size(), 3U);
  EXPECT_FALSE(b[0]);
  EXPECT_EQ(b[2]->own, 8U);
  EXPECT_EQ(history.moments()[1].memory.own, 9U);
  EXPECT_EQ(history.moments()[2].silent, 1U);
}

TEST(History, ThinsMomentsAndLosesNoCount) {
  constexpr std::uint64_t samples = 1'000;
  History history(20);
  for (std::uint64_t i = 0; i < samples; ++i) {
    // The counter starts again every 10 samples: thinned values alone could not tell.
    history.add_sample(static_cast<double>(i), host(i % 10), json::array({guest("a", i)}));
    ASSERT_LE(history.moments().size(), 41U);
    ASSERT_EQ(history.moments().back().time, static_cast<double>(i)) << "the last sample is there";
    const auto& memory = history.guests().at("a").memory;
    ASSERT_EQ(memory.size(), history.moments().size());
    ASSERT_EQ(memory.back()->own, i);
  }
  EXPECT_GE(history.moments().size(), 20U);
  EXPECT_EQ(history.moments().back().breaks, 9 * samples / 10);
  const auto& moments = history.moments();
  for (std::size_t i = 0; i < moments.size(); ++i) {
    EXPECT_EQ(history.guests().at("a").memory[i]->own, static_cast<std::uint64_t>(moments[i].time));
    if (i > 0) {
      EXPECT_LT(moments[i - 1].time, moments[i].time);
    }
    EXPECT_EQ(moments[i].after_gap, i == 0);
  }
}

TEST(History, AGapIsKeptWhateverIsThinned) {
  History history(8);
  double time = 0;
  for (int i = 0; i < 101; ++i) {
    time += i == 41 ? 500 : 1;
    history.add_sample(time, host(), json::array());
  }
  int gaps = 0;
  for (const HostMoment& moment : history.moments()) gaps += moment.after_gap ? 1 : 0;
  EXPECT_EQ(gaps, 2) << "the first moment, and the one behind the gap";
}

TEST(History, TakesWhateverARecordSays) {
  History history;
  history.add_sample(5, json::array(), json::object());
  EXPECT_TRUE(history.moments().empty());
  history.add_sample(5, {{"breaks", -4}, {"saved_bytes", "much"}, {"kernel_bytes", 1e300}, {"hold_us", 3}},
                     {json(7), json{{"name", 8}, {"ram_bytes", json::array()}, {"private_bytes", 1e300}}});
  history.add_sample(1, host(), json::array());  // the clock was set back
  EXPECT_EQ(history.moments()[1].time, 5);
  EXPECT_EQ(history.moments()[0].saved, 0U);
}

TEST(History, TellsOnlySoManyGuestsApart) {
  json guests = json::array();
  for (int i = 0; i < 1'100; ++i) guests.push_back(guest("g" + std::to_string(i), 1));
  History history;
  history.add_sample(1, host(), guests);
  EXPECT_EQ(history.guests().size(), 1'024U);
  EXPECT_EQ(history.not_told_apart(), 76U);
  EXPECT_EQ(history.moments()[0].memory.own, 1'100U);
}

TEST(History, HoldTimesAreThoseOfTheRecord) {
  History history;
  json told = host();
  told["hold_us"] = {{"up_to", {50, 100}}, {"holds", {7, 1, 0}}};
  history.add_sample(1, told, json::array());
  EXPECT_TRUE(history.holds().empty());
  told["hold_us"]["holds"] = {9, 1, 2};
  history.add_sample(2, told, json::array());
  EXPECT_EQ(history.holds().holds, (std::vector<std::uint64_t>{2, 0, 2}));
  told["hold_us"]["holds"] = {9, 1};
  history.add_sample(3, told, json::array());
  EXPECT_EQ(history.holds().holds, (std::vector<std::uint64_t>{2, 0, 2}));
}

// ---- The lines of a record.

guests::Snapshot snapshot() {
  guests::Snapshot taken;
  taken.host = host(3);
  json with_lists = guest("a", 4);
  with_lists["vcpus"] = json::array({1, 2});
  taken.guests = {with_lists};
  taken.taken = std::chrono::system_clock::time_point(std::chrono::milliseconds(12'500));
  return taken;
}

TEST(Record, IsReadAsItWasWritten) {
  EXPECT_TRUE(is_first_line(first_line(1, std::chrono::milliseconds(500))));
  const std::string line = sample_line(snapshot());
  EXPECT_EQ(line.find("vcpus"), std::string::npos);
  EXPECT_EQ(std::count(line.begin(), line.end(), '\n'), 1);
  History history;
  RecordReader reader(history);
  reader.read(first_line(1, std::chrono::milliseconds(500)));
  reader.read(line);
  reader.read(sharing_line(13, sharing_matrix({{"a", "d", {{0, 4}}}})));
  EXPECT_EQ(reader.damaged(), 0U);
  EXPECT_EQ(history.moments().at(0).time, 12.5);
  EXPECT_EQ(history.guests().at("a").last.own, 4U);
  EXPECT_EQ(history.sharing().bytes.at(0).at(0), 4 * 4096U);
}

TEST(Record, WhatIsCutOffAnywhereIsPassedOver) {
  const std::string line = sample_line(snapshot());
  for (std::size_t end = 1; end + 2 < line.size(); ++end) {
    History history;
    RecordReader reader(history);
    reader.read(line.substr(0, end));
    EXPECT_EQ(reader.damaged(), 1U) << end;
    EXPECT_TRUE(history.moments().empty()) << end;
  }
}

TEST(Record, OtherFilesDoNotBeginLikeOne) {
  for (const char* line :
       {"", "{}", "[]", "7", "{\"record\": 1}", "{\"record\": \"samepage\", \"version\": 2}", "<html>"}) {
    EXPECT_FALSE(is_first_line(line)) << line;
  }
}

}  // namespace
}  // namespace samepage::report
