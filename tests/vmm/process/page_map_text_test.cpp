// SPDX-License-Identifier: Apache-2.0
#include "vmm/process/page_map_text.hpp"

#include <gtest/gtest.h>

#include <array>

#include "base/json.hpp"

namespace samepage::vmm {
namespace {

using dedup::PageState;
using nlohmann::json;

TEST(PageMapText, IsJsonInOrderOfGfnWithTheRoms) {
  const std::array<dedup::PageMapRun, 4> map{{{{Gfn{0}, {2}}, PageState::own, {}},
                                              {{Gfn{2}, {3}}, PageState::frame, {40}},
                                              {{Gfn{5}, {1}}, PageState::zero, {}},
                                              {{Gfn{100}, {1}}, PageState::untouched, {}}}};
  const std::array<GfnRange, 1> roms{{{Gfn{50}, {4}}}};
  const json runs = json::parse(page_map_text(map, roms));
  ASSERT_EQ(runs.size(), 5U);
  EXPECT_EQ(runs[0], (json{{"gfn", 0}, {"pages", 2}, {"state", "own"}, {"rights", "rw"}}));
  EXPECT_EQ(runs[1], (json{{"gfn", 2}, {"pages", 3}, {"state", "frame"}, {"rights", "r-"}, {"frame", 40}}));
  EXPECT_EQ(runs[2]["rights"], "r-");
  EXPECT_EQ(runs[3], (json{{"gfn", 50}, {"pages", 4}, {"state", "rom"}, {"rights", "r-"}}));
  EXPECT_EQ(runs[4]["state"], "untouched");
  EXPECT_EQ(runs[4]["rights"], "rw");
}

TEST(PageMapText, OfNothingIsAnEmptyArray) {
  EXPECT_EQ(page_map_text({}, {}), "[]");
}

}  // namespace
}  // namespace samepage::vmm
