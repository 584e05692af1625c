// SPDX-License-Identifier: Apache-2.0
#include "manage/guests/shortages.hpp"

#include <gtest/gtest.h>

#include <array>

#include "base/json.hpp"
#include "dedup/shortage_json.hpp"

namespace samepage::guests {
namespace {

using dedup::Resource;
using nlohmann::json;
using std::chrono::milliseconds;

json figures_with(std::span<const dedup::ShortageFigure> shortages) {
  return {{"shortages", dedup::to_json(shortages)}};
}

TEST(Shortages, AreNamedWithHowLongAndWhatWaits) {
  const std::array list{dedup::ShortageFigure{Resource::mappings, milliseconds(12'345), 340},
                        dedup::ShortageFigure{Resource::socket_buffers, milliseconds(500), 0}};
  EXPECT_EQ(shortage_line(figures_with(list)),
            "mappings (since 12s, 340 pages wait), socket buffers (since 0.5s)");
  const auto texts = shortage_texts(figures_with(list));
  ASSERT_EQ(texts.size(), 2U);
  EXPECT_EQ(texts[0].what, "mappings");
  EXPECT_EQ(texts[0].how, "since 12s, 340 pages wait");
}

TEST(Shortages, NothingIsSaidWhereThereAreNone) {
  EXPECT_EQ(shortage_line(figures_with({})), "");
  EXPECT_EQ(shortage_line(json::object()), "") << "an older daemon, or guest";
}

TEST(Shortages, NumbersAreNumbers) {
  const std::array list{dedup::ShortageFigure{Resource::disk, milliseconds(2500), 7}};
  const json told = dedup::to_json(list).at(0);
  EXPECT_EQ(told.at("resource"), "disk");
  EXPECT_TRUE(told.at("lasts_ms").is_number());
  EXPECT_EQ(told.at("lasts_ms"), 2500);
  EXPECT_EQ(told.at("waiting"), 7);
  EXPECT_EQ(told.at("waits"), "pages");
}

TEST(Shortages, WhatAGuestMakesUpGetsToNoTerminal) {
  for (const json& list : {json("mappings"), json::array({1, "x"}), json::array({{{"resource", "\x1b[2J"}}}),
                           json::array({{{"resource", 5}}}), json::array({json::object()})}) {
    EXPECT_EQ(shortage_line({{"shortages", list}}), "") << list;
  }
  const json odd =
      json::array({{{"resource", "disk"}, {"waiting", 3}, {"waits", "\x1b"}, {"lasts_ms", "y"}}});
  EXPECT_EQ(shortage_line({{"shortages", odd}}), "disk (since 0.0s, 3  wait)");
}

}  // namespace
}  // namespace samepage::guests
