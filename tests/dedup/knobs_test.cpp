// SPDX-License-Identifier: Apache-2.0
#include "dedup/knobs.hpp"

#include <gtest/gtest.h>

#include "base/check.hpp"

namespace samepage::dedup {
namespace {

TEST(Knobs, AreSetWithAndWithoutTheirUnit) {
  Settings knobs;
  set_knob(knobs, "interval", "250ms");
  EXPECT_EQ(knobs.interval_ms, 250U);
  set_knob(knobs, "cpu", "7");
  EXPECT_EQ(knobs.cpu_percent, 7U);
  set_knob(knobs, "merging", "off");
  EXPECT_EQ(knobs.merging, 0U);
}

TEST(Knobs, NonsenseIsRefusedAndChangesNothing) {
  Settings knobs;
  for (const auto& [name, value] : {std::pair{"cpu", "0"},
                                    {"cpu", "101%"},
                                    {"cpu", "5ms"},
                                    {"cpu", ""},
                                    {"merging", "1"},
                                    {"interval", "-5"},
                                    {"speed", "9"}}) {
    EXPECT_THROW(set_knob(knobs, name, value), UserError) << name << "=" << value;
  }
  EXPECT_EQ(knobs.cpu_percent, Settings{}.cpu_percent);
}

TEST(Knobs, AFormerNameIsTaken) {
  Settings knobs;
  set_knob(knobs, "stop-budget", "250us");
  EXPECT_EQ(knobs.hold_budget_us, 250U);
  set_knob(knobs, "hold-budget", "300us");
  EXPECT_EQ(knobs.hold_budget_us, 300U);
  EXPECT_THROW(set_knob(knobs, "", "1"), UserError) << "most knobs have no former name";
}

TEST(Knobs, TheirTextsCanBeReadBack) {
  Settings knobs;
  knobs.interval_ms = 77;
  Settings copy;
  for (const KnobDescription& knob : knob_descriptions()) set_knob(copy, knob.name, knob_text(knobs, knob));
  EXPECT_EQ(copy.interval_ms, 77U);
}

}  // namespace
}  // namespace samepage::dedup
