// SPDX-License-Identifier: Apache-2.0
#include "dedup/daemon/knob_settings.hpp"

#include <gtest/gtest.h>

#include "base/check.hpp"
#include "base/json.hpp"

namespace samepage::dedup {
namespace {

using nlohmann::json;

TEST(KnobSettings, WhatIsSetIsKeptForTheNextDaemon) {
  KnobSettings settings;
  Settings kept;
  settings.keep = [&](const Settings& knobs) {
    kept = knobs;
    return std::string("file");
  };
  const json request{{"do", "tune"}, {"interval", "70ms"}};
  EXPECT_TRUE(sets_knobs(request));
  EXPECT_FALSE(sets_knobs({{"do", "tune"}}));
  set_knobs(settings, request);
  EXPECT_EQ(settings.current.interval_ms, 70U);
  EXPECT_EQ(kept.interval_ms, 70U);
  EXPECT_EQ(to_json(settings).at("kept_in"), "file");
  EXPECT_EQ(to_json(settings).at("knobs").at("interval"), "70ms");
  EXPECT_EQ(to_json(settings).at("defaults").at("interval"), "100ms");
}

TEST(KnobSettings, ARequestIsCarriedOutWholeOrNotAtAll) {
  KnobSettings settings;
  EXPECT_THROW(set_knobs(settings, {{"do", "tune"}, {"cpu", "20"}, {"interval", 7}}), UserError);
  EXPECT_THROW(set_knobs(settings, {{"do", "tune"}, {"cpu", "20"}, {"speed", "7"}}), UserError);
  EXPECT_EQ(settings.current.cpu_percent, Settings().cpu_percent);
}

TEST(KnobSettings, AResetComesBeforeWhatIsSetWithIt) {
  KnobSettings settings;
  settings.current.cpu_percent = 77;
  settings.current.interval_ms = 5;
  set_knobs(settings, {{"do", "tune"}, {"reset", true}, {"cpu", "30"}});
  EXPECT_EQ(settings.current.cpu_percent, 30U);
  EXPECT_EQ(settings.current.interval_ms, settings.defaults.interval_ms);
}

}  // namespace
}  // namespace samepage::dedup
