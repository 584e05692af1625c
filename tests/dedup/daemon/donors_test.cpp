// SPDX-License-Identifier: Apache-2.0
#include "dedup/daemon/donors.hpp"

#include <gtest/gtest.h>

namespace samepage::dedup {
namespace {

// Two pages wait for one frame; the second was asked for its bytes.
class DonorsTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(ledger_.prepare(first_));
    ledger_.note_unshared(first_, {7});
    frame_ = *ledger_.open_frame_for(first_);
    ledger_.wait(second_, frame_);
    donors_.ask(frame_, second_);
    ASSERT_EQ(donors_.take_requests().size(), 1U);
  }
  bool pass_over_silent() {
    Turn whole(Turn::endless);
    return donors_.pass_over_silent(whole);
  }

  Ledger ledger_{10};
  Donors donors_{ledger_};
  PageId first_ = ledger_.add_pages(4), second_{first_.value + 1};
  FrameId frame_;
};

TEST_F(DonorsTest, OnePageAtATimeIsTheDonor) {
  EXPECT_TRUE(donors_.is_donor(second_, frame_));
  EXPECT_FALSE(donors_.is_donor(first_, frame_));
  EXPECT_TRUE(donors_.take_requests().empty());  // they are told once
}

TEST_F(DonorsTest, ASilentDonorIsReplacedAfterTwoRounds) {
  donors_.next_round();
  EXPECT_FALSE(donors_.any_silent());
  donors_.next_round();
  EXPECT_TRUE(donors_.any_silent());
  EXPECT_TRUE(pass_over_silent());
  EXPECT_FALSE(donors_.any_silent());
  EXPECT_TRUE(donors_.is_donor(first_, frame_));
  const auto requests = donors_.take_requests();
  ASSERT_EQ(requests.size(), 1U);
  EXPECT_EQ(requests[0].page, first_);
}

TEST_F(DonorsTest, WhoeverWaitsAloneStaysTheDonor) {
  EXPECT_EQ(ledger_.release(first_), 1U);
  donors_.next_round();
  donors_.next_round();
  EXPECT_TRUE(pass_over_silent());
  EXPECT_TRUE(donors_.is_donor(second_, frame_));
  EXPECT_TRUE(donors_.take_requests().empty());  // the same question again would be no use
  EXPECT_FALSE(donors_.any_silent());
}

TEST_F(DonorsTest, APublishedFrameNeedsNoDonor) {
  ledger_.publish(frame_);
  donors_.next_round();
  donors_.next_round();
  EXPECT_TRUE(pass_over_silent());
  EXPECT_TRUE(donors_.take_requests().empty());
}

TEST_F(DonorsTest, WithoutADonorAnotherIsAskedWhileTwoWait) {
  const PageId third{first_.value + 2};
  ledger_.wait(third, frame_);
  EXPECT_EQ(ledger_.release(second_), 2U);
  donors_.replace(frame_);
  EXPECT_EQ(donors_.take_requests().size(), 1U);
  EXPECT_EQ(ledger_.release(third), 1U);
  donors_.replace(frame_);
  EXPECT_TRUE(donors_.take_requests().empty());
  EXPECT_EQ(ledger_.records().state(first_), SharingState::unshared);
}

TEST_F(DonorsTest, ATurnEndsTheSearch) {
  donors_.next_round();
  donors_.next_round();
  Turn none(0);
  EXPECT_FALSE(donors_.pass_over_silent(none));
  EXPECT_TRUE(donors_.any_silent());
}

}  // namespace
}  // namespace samepage::dedup
