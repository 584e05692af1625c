// SPDX-License-Identifier: Apache-2.0
#include "dedup/agent/page_states.hpp"

#include <gtest/gtest.h>

#include <array>

namespace samepage::dedup {
namespace {

using State = PageStates::State;

class PageStatesTest : public testing::Test {
 protected:
  static constexpr PageIndex page{3};
  static constexpr PageRange one{page, 1};

  void merge() {
    states_.seen(page);
    states_.offered(page);
    states_.merged(one);
  }
  void expect_counts_add_up() {
    constexpr std::array all{State::untouched, State::own,  State::offered,   State::unaffordable,
                             State::merged,    State::zero, State::discarded, State::backed};
    std::uint64_t pages = 0;
    for (const State state : all) {
      EXPECT_EQ(states_.count(state), states_.count_in({{0}, 8}, state));
      pages += states_.count(state);
    }
    EXPECT_EQ(pages, 8U);
  }
  PageStates states_{8};
};

TEST_F(PageStatesTest, AtFirstNoPageWasTouched) {
  EXPECT_EQ(states_.count(State::untouched), 8U);
  EXPECT_FALSE(states_.on_file(page));
}

TEST_F(PageStatesTest, APageThatIsMergedAndWrittenIsTheGuestsOwnInAMappingOfTheStore) {
  merge();
  EXPECT_TRUE(states_.is_shared(page));
  EXPECT_TRUE(states_.on_file(page));
  states_.written(page);
  EXPECT_TRUE(states_.is(page, State::own));
  EXPECT_TRUE(states_.on_file(page));
  expect_counts_add_up();
}

TEST_F(PageStatesTest, WhatIsKnownGoesAsFarAsTheStateAndTheRange) {
  states_.seen({2});
  states_.given_back({{2}, 1});
  states_.seen({3});
  states_.given_back({{3}, 2});
  EXPECT_EQ(states_.known_from({{0}, 8}).pages, PageCount{2});
  EXPECT_FALSE(states_.known_from({{0}, 8}).given_back);
  EXPECT_EQ(states_.known_from({{2}, 6}).pages, PageCount{3});
  EXPECT_TRUE(states_.known_from({{2}, 6}).given_back);
  EXPECT_EQ(states_.known_from({{2}, 2}).pages, PageCount{2}) << "no further than it is asked";
  EXPECT_EQ(states_.known_from({{5}, 3}).pages, PageCount{3}) << "to the last page";
}

TEST_F(PageStatesTest, APagedPageIsMergedAndCountedApart) {
  states_.seen(page);
  states_.merged(one, PageStates::FrameIn::paging_file);
  EXPECT_TRUE(states_.is(page, State::merged) && states_.is_paged(page) && states_.on_file(page));
  EXPECT_EQ(states_.paged_count(), 1U);
  EXPECT_EQ(states_.all_paged(), std::vector{one});
  states_.written(page);
  EXPECT_FALSE(states_.is_paged(page));
  EXPECT_EQ(states_.paged_count(), 0U);
  expect_counts_add_up();
}

TEST_F(PageStatesTest, WhatIsOutWhenItsDaemonIsLostStaysThere) {
  states_.merged(one, PageStates::FrameIn::paging_file);
  states_.left_behind(page);
  EXPECT_TRUE(states_.is(page, State::backed) && states_.on_file(page));
  EXPECT_EQ(states_.paged_count(), 0U);
  expect_counts_add_up();
}

TEST_F(PageStatesTest, ABackedPageThatIsWrittenIsTheGuestsOwnInAMappingOfItsFile) {
  states_.backed(one);
  EXPECT_TRUE(states_.is_shared(page));
  EXPECT_TRUE(states_.on_file(page));
  EXPECT_TRUE(states_.known(page).backed);
  expect_counts_add_up();
  states_.written(page);
  EXPECT_TRUE(states_.is(page, State::own));
  EXPECT_TRUE(states_.on_file(page));
  states_.backed(one);
  states_.merged(one);
  EXPECT_TRUE(states_.is(page, State::merged));
  expect_counts_add_up();
}

TEST_F(PageStatesTest, APageThatIsGivenBackLeavesTheStore) {
  merge();
  states_.written(page);
  states_.given_back(one);
  EXPECT_EQ(states_.count(State::zero), 1U);
  EXPECT_FALSE(states_.on_file(page));
  states_.written(page);
  EXPECT_EQ(states_.count(State::zero), 0U);
  expect_counts_add_up();
}

TEST_F(PageStatesTest, AGrantMayComeForAPageThatIsNotOfferedAnyMore) {
  states_.given_back(one);
  states_.merged(one);
  EXPECT_EQ(states_.count(State::zero), 0U);
  EXPECT_EQ(states_.count(State::merged), 1U);
  expect_counts_add_up();
}

TEST_F(PageStatesTest, APageWithoutAMappingStillStandsOffered) {
  states_.seen(page);
  states_.offered(page);
  states_.unaffordable({{2}, 3});
  EXPECT_EQ(states_.count(State::unaffordable), 1U) << "its neighbours were not offered";
  EXPECT_TRUE(states_.stands_offered(page));
  states_.withdrawn(page);
  EXPECT_TRUE(states_.is(page, State::own));
  expect_counts_add_up();
}

TEST_F(PageStatesTest, APageThatIsGivenUpIsNotNewWhenItIsUsedAgain) {
  states_.seen(page);
  states_.discarded({{2}, 2});
  EXPECT_TRUE(states_.is(page, State::discarded));
  EXPECT_TRUE(states_.is({2}, State::untouched));
  states_.offered(page);
  expect_counts_add_up();
}

TEST_F(PageStatesTest, UnmergedPagesLeaveTheStore) {
  merge();
  states_.unmerged(one);
  EXPECT_TRUE(states_.is(page, State::own));
  EXPECT_FALSE(states_.on_file(page));
}

TEST_F(PageStatesTest, PagesOfOneStateAreFoundAsRanges) {
  states_.merged({{1}, 2});
  states_.merged({{5}, 3});
  states_.written({6});
  const std::vector<PageRange> expected{{{1}, 2}, {{5}, 1}, {{7}, 1}};
  EXPECT_EQ(states_.all_in(State::merged), expected);
  EXPECT_EQ(states_.parts_in({{2}, 4}, State::merged), (std::vector<PageRange>{{{2}, 1}, {{5}, 1}}));
}

using PageStatesDeathTest = PageStatesTest;

TEST_F(PageStatesDeathTest, StepsThatCannotBeEndTheProcess) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(states_.written(page), "broken that was not shared");
  EXPECT_DEATH(states_.withdrawn(page), "does not stand");
  EXPECT_DEATH(states_.left_behind(page), "not merged");
  merge();
  EXPECT_DEATH(states_.seen(page), "seen before");
  EXPECT_DEATH(states_.offered(page), "nothing new to share");
  EXPECT_DEATH(states_.merged(one), "merged twice");
  EXPECT_DEATH(states_.given_back(one), "before it is seen written");
}

TEST_F(PageStatesTest, APagedPageMayBeResidentUntilItIsAnythingElse) {
  PageStates& states = states_;
  states.merged({{0}, 2}, PageStates::FrameIn::paging_file);
  EXPECT_FALSE(states.is_resident({0}));
  states.resident({0}, true);
  EXPECT_TRUE(states.is_resident({0}));
  EXPECT_TRUE(states.is_paged({0}));
  EXPECT_TRUE(states.is({0}, PageStates::State::merged));
  EXPECT_FALSE(states.is_resident({1}));
  states.written({0});
  EXPECT_FALSE(states.is_resident({0}));
  states.resident({1}, true);
  states.resident({1}, false);
  EXPECT_FALSE(states.is_resident({1}));
  EXPECT_EQ(states.paged_count(), 1U);
}

}  // namespace
}  // namespace samepage::dedup
