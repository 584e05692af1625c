// SPDX-License-Identifier: Apache-2.0
#include "dedup/agent/grants.hpp"

#include <gtest/gtest.h>

#include "dedup/frame_numbers.hpp"

#include <limits>

namespace samepage::dedup {
namespace {

constexpr std::uint32_t endless = std::numeric_limits<std::uint32_t>::max();

std::vector<wire::Grant> arranged_to(PageIndex end, std::vector<wire::Grant> grants, std::uint32_t most) {
  return arranged(std::move(grants), most,
                  [&](PageIndex page) { return page < end ? end : PageIndex{1000}; });
}

TEST(Grants, AGrantBeyondTheGuestOrTheStoreIsRefused) {
  EXPECT_TRUE(is_within({{5}, {7}, 5}, 10, 12));
  EXPECT_FALSE(is_within({{5}, {7}, 6}, 10, 100));
  EXPECT_FALSE(is_within({{5}, {7}, 6}, 100, 12));
  EXPECT_TRUE(is_within({{5}, slot_at(3, 7), 5}, 10, 12)) << "slots are not frames of the store";
  EXPECT_FALSE(is_within({{5}, slot_at(3, max_slots - 1), 2}, 10, 12)) << "a grant leaves its file";
  EXPECT_FALSE(is_within({{10}, {0}, 0}, 10, 12));
  EXPECT_FALSE(is_within({{1}, {1}, endless}, 10, 12)) << "the sum does not wrap around";
}

TEST(Grants, NeighboursInWhateverOrderAreOneRun) {
  const auto runs = arranged_to({1000}, {{{12}, {22}, 3}, {{10}, {20}, 2}, {{15}, {99}, 1}}, 100);
  ASSERT_EQ(runs.size(), 2U);
  EXPECT_EQ(runs[0].pages(), (PageRange{{10}, 5}));
  EXPECT_EQ(runs[0].frame, FrameId{20});
  EXPECT_EQ(runs[1].frame, FrameId{99}) << "its frame is not the next one";
}

TEST(Grants, RunsAreCutWhereARegionEndsAndWhereTheyAreLong) {
  const auto pieces = arranged_to({8}, {{{0}, {50}, 20}}, 5);
  ASSERT_EQ(pieces.size(), 5U);  // 5 + 3 | 5 + 5 + 2
  EXPECT_EQ(pieces[1].pages(), (PageRange{{5}, 3}));
  EXPECT_EQ(pieces[2].page, PageIndex{8});
  EXPECT_EQ(pieces[2].frame, FrameId{58});
  std::uint32_t pages = 0;
  for (const auto& piece : pieces) pages += piece.count;
  EXPECT_EQ(pages, 20U);
}

TEST(Grants, AnEmptyGrantIsNothing) {
  EXPECT_TRUE(arranged_to({8}, {{{3}, {3}, 0}}, 5).empty());
}

}  // namespace
}  // namespace samepage::dedup
