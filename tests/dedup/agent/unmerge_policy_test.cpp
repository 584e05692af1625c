// SPDX-License-Identifier: Apache-2.0
#include "dedup/agent/unmerge_policy.hpp"

#include <gtest/gtest.h>

#include <array>

namespace samepage::dedup {
namespace {

class UnmergePolicy : public testing::Test {
 protected:
  UnmergePolicy() {
    states_.merged({{0}, 32});
    for (std::uint32_t page = 1; page < 16; ++page) states_.written({page});
  }
  PageStates states_{40'000};
  const StoreMapping mostly_broken_{{{0}, 16}, 7};
  const StoreMapping whole_{{{16}, 16}, 7};
  const StoreMapping lost_{{{32}, 20'000}, 8};
};

TEST_F(UnmergePolicy, BrokenRunsStayWhileThereAreMappings) {
  EXPECT_TRUE(not_worth_a_mapping(std::array{mostly_broken_, whole_}, states_, {false, true, 7}).empty());
}

TEST_F(UnmergePolicy, ARunThatSavesNextToNothingMakesRoom) {
  EXPECT_EQ(not_worth_a_mapping(std::array{mostly_broken_, whole_}, states_, {true, false, 7}),
            (std::vector<PageRange>{mostly_broken_.pages}));
}

TEST_F(UnmergePolicy, LostStoresAreLeftWhenTheNewDaemonHasSettledAPartAtATime) {
  const StoreMapping more{{{20'032}, 10}, 8};
  EXPECT_TRUE(not_worth_a_mapping(std::array{lost_, more}, states_, {false, false, 7}).empty());
  EXPECT_EQ(not_worth_a_mapping(std::array{whole_, lost_, more}, states_, {false, true, 7}),
            (std::vector<PageRange>{lost_.pages}));
}

}  // namespace
}  // namespace samepage::dedup
