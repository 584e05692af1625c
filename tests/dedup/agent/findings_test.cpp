// SPDX-License-Identifier: Apache-2.0
#include "dedup/agent/findings.hpp"

#include <gtest/gtest.h>

namespace samepage::dedup {
namespace {

using State = PageStates::State;

class FindingsTest : public testing::Test {
 protected:
  PageStates states_{16};
  Findings findings_{states_};
};

TEST_F(FindingsTest, AMergedPageThatWasWrittenIsBroken) {
  states_.merged({{4}, 2});
  findings_.written({4});
  findings_.written({5});
  EXPECT_EQ(findings_.broken(), (std::vector<PageRange>{{{4}, 2}}));
  EXPECT_EQ(findings_.breaks(), 2U);
  EXPECT_TRUE(findings_.any());
}

TEST_F(FindingsTest, AZeroPageThatWasWrittenIsNoReferenceThatIsLost) {
  states_.given_back({{4}, 1});
  findings_.written({4});
  EXPECT_TRUE(findings_.broken().empty());
  EXPECT_EQ(findings_.breaks(), 1U);
  EXPECT_TRUE(states_.is({4}, State::own));
}

TEST_F(FindingsTest, AQuietPageIsOfferedOnce) {
  findings_.quiet({4}, {77});
  findings_.quiet({4}, {77});
  const auto offers = findings_.take_offers();
  ASSERT_EQ(offers.size(), 1U);
  EXPECT_EQ(offers[0].digest, 77U);
}

TEST_F(FindingsTest, AnOfferOfAPageThatChangedIsWithdrawn) {
  findings_.quiet({4}, {77});
  findings_.changed({4});
  findings_.changed({5});
  EXPECT_EQ(findings_.withdrawn(), (std::vector<PageRange>{{{4}, 1}}));
  EXPECT_EQ(findings_.volatile_pages(), 2U);
}

TEST_F(FindingsTest, OffersAreInTheOrderOfTheirPages) {
  for (const std::uint32_t page : {9U, 2U, 5U}) findings_.quiet({page}, {page});
  const auto offers = findings_.take_offers();
  ASSERT_EQ(offers.size(), 3U);
  EXPECT_EQ(offers[0].page.value, 2U);
  EXPECT_EQ(offers[2].page.value, 9U);
  EXPECT_TRUE(findings_.take_offers().empty());
}

TEST_F(FindingsTest, NothingIsFoundAtFirst) {
  EXPECT_FALSE(findings_.any());
  findings_.quiet_zero({1});
  EXPECT_TRUE(findings_.any());
  EXPECT_EQ(findings_.zero(), (std::vector<PageRange>{{{1}, 1}}));
}

}  // namespace
}  // namespace samepage::dedup
