// SPDX-License-Identifier: Apache-2.0
#include "dedup/agent/mapping_budget.hpp"

#include <gtest/gtest.h>

namespace samepage::dedup {
namespace {

class MappingBudgetTest : public testing::Test {
 protected:
  std::uint64_t there_are_ = 0;
  int counts_ = 0;
  MappingBudget budget_{[] { return std::uint64_t{100}; }, [this] { return ++counts_, there_are_; }};
};

TEST_F(MappingBudgetTest, NothingIsCountedWhileTheEstimateLeavesRoom) {
  budget_.spend(50);
  EXPECT_TRUE(budget_.affords(49));
  EXPECT_EQ(counts_, 0);
}

TEST_F(MappingBudgetTest, AnEstimateThatSaysNoIsCounted) {
  budget_.spend(99);
  there_are_ = 10;  // the kernel has joined neighbours
  EXPECT_TRUE(budget_.affords(20));
  EXPECT_EQ(budget_.used(), 10U);
  EXPECT_FALSE(budget_.changed());
  there_are_ = 95;
  EXPECT_FALSE(budget_.affords(90));
}

TEST_F(MappingBudgetTest, TheLongestRunsGetWhatThereIs) {
  there_are_ = 96;
  budget_.counted(96);
  std::vector<wire::Grant> grants{{{1}, {1}, 1}, {{10}, {10}, 30}, {{50}, {50}, 20}, {{90}, {90}, 2}};
  const auto excess = budget_.split_off_excess(grants);
  ASSERT_EQ(grants.size(), 2U);
  EXPECT_EQ(grants[0].page, PageIndex{10});
  EXPECT_EQ(grants[1].page, PageIndex{50});
  ASSERT_EQ(excess.size(), 2U);
}

TEST_F(MappingBudgetTest, NobodyGetsAnyBeyondTheLimit) {
  there_are_ = 200;
  budget_.counted(200);
  std::vector<wire::Grant> grants{{{1}, {1}, 1}};
  EXPECT_EQ(budget_.split_off_excess(grants).size(), 1U);
  EXPECT_TRUE(grants.empty());
}

TEST_F(MappingBudgetTest, PiecesOnAStoreAreLeftOutWhenTheyCannotBeReplaced) {
  const auto on_store = [](const PageRange& piece) {
    return std::uint64_t{piece.first.value >= 10 ? 3U : 0U};
  };
  std::vector<PageRange> pieces{{{1}, 1}, {{10}, 5}};
  EXPECT_TRUE(budget_.drop_unaffordable(pieces, on_store));
  EXPECT_EQ(pieces.size(), 2U);
  EXPECT_EQ(budget_.used(), 6U);
  there_are_ = 95;
  budget_.counted(95);
  EXPECT_FALSE(budget_.drop_unaffordable(pieces, on_store));
  EXPECT_EQ(pieces, (std::vector<PageRange>{{{1}, 1}}));
}

TEST_F(MappingBudgetTest, WithoutAStoreNothingIsReplaced) {
  std::vector<PageRange> pieces{{{1}, 1}};
  EXPECT_FALSE(budget_.drop_unaffordable(pieces, [](const PageRange&) { return std::uint64_t{0}; }));
  EXPECT_EQ(pieces.size(), 1U);
}

TEST_F(MappingBudgetTest, MappingsAreScarceFromThreeQuartersOn) {
  budget_.counted(74);
  EXPECT_FALSE(budget_.scarce());
  budget_.counted(75);
  EXPECT_TRUE(budget_.scarce());
}

}  // namespace
}  // namespace samepage::dedup
