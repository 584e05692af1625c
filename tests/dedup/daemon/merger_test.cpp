// SPDX-License-Identifier: Apache-2.0
// What the merger decides, step by step. One file: a test for each way from one state of a page to the next.
#include "dedup/daemon/merger.hpp"

#include <gtest/gtest.h>

#include <utility>
#include <vector>

#include "tests/dedup/daemon/merger_steps.hpp"

namespace samepage::dedup {
namespace {

class MergerTest : public testing::Test {
 protected:
  FrameId share(PageId a, PageId b, Digest digest) { return dedup::share(merger_, a, b, digest); }

  Merger merger_{1000};
  PageId guest_ = merger_.add_guest(16);
  PageId other_ = merger_.add_guest(16);
  PageId a_ = guest_, b_ = other_, c_{other_.value + 1};
};

TEST_F(MergerTest, FirstSightingIsUnshared) {
  ASSERT_EQ(merger_.offer(a_, {1}), Outcome::done);
  const MergerOrders orders = merger_.take_orders();
  EXPECT_TRUE(orders.grants.empty() && orders.donations.empty());
  EXPECT_EQ(merger_.counts().pages_unshared, 1U);
}

TEST_F(MergerTest, FirstSightingInAnImageMakesAFrame) {
  ASSERT_EQ(merger_.offer(a_, {1}, FirstSighting::makes_frame), Outcome::done);
  MergerOrders orders = merger_.take_orders();
  ASSERT_EQ(orders.donations.size(), 1U);
  EXPECT_EQ(orders.donations[0].page, a_);
  EXPECT_TRUE(orders.grants.empty());
  const auto frame = merger_.donated(a_, {1});
  ASSERT_TRUE(frame);
  publish(merger_, *frame);
  ASSERT_EQ(merger_.take_orders().grants.size(), 1U);
  ASSERT_EQ(merger_.answered(a_, Answer::kept), Outcome::done);
  EXPECT_EQ(merger_.records().references(*frame), 1U);
  EXPECT_EQ(merger_.counts().pages_pending, 0U);
  // The next guest of the image is granted it at once.
  ASSERT_EQ(merger_.offer(b_, {1}, FirstSighting::makes_frame), Outcome::done);
  orders = merger_.take_orders();
  EXPECT_TRUE(orders.donations.empty());
  ASSERT_EQ(orders.grants.size(), 1U);
  EXPECT_EQ(orders.grants[0].frame, *frame);
}

TEST_F(MergerTest, AFrameOfAnImageGoesWithItsOnlyDonor) {
  for (const bool donates_rubbish : {true, false}) {
    ASSERT_EQ(merger_.offer(a_, {1}, FirstSighting::makes_frame), Outcome::done);
    if (donates_rubbish) {
      EXPECT_FALSE(merger_.donated(a_, {99}));
    } else {
      detach(merger_, guest_, 16);
    }
    EXPECT_EQ(merger_.records().frames_in_use(), 0U);
    EXPECT_EQ(merger_.counts().pages_pending, 0U);
    ASSERT_EQ(merger_.offer(b_, {1}), Outcome::done);  // nobody else is known to have it
    EXPECT_EQ(merger_.counts().pages_unshared, 1U);
    ASSERT_EQ(merger_.withdraw(b_), Outcome::done);
  }
}

TEST_F(MergerTest, AnImageWhoseDonorChangedIsUnsharedForTheOther) {
  ASSERT_EQ(merger_.offer(a_, {1}, FirstSighting::makes_frame), Outcome::done);
  ASSERT_EQ(merger_.offer(b_, {1}, FirstSighting::makes_frame), Outcome::done);
  EXPECT_EQ(merger_.take_orders().donations.size(), 1U);
  EXPECT_FALSE(merger_.donated(a_, {99}));
  EXPECT_EQ(merger_.counts().pages_unshared, 1U);
  ASSERT_EQ(merger_.offer(c_, {1}, FirstSighting::makes_frame), Outcome::done);
  const MergerOrders orders = merger_.take_orders();
  ASSERT_EQ(orders.donations.size(), 1U);
  EXPECT_EQ(orders.donations[0].page, c_);
}

TEST_F(MergerTest, AnImageBeyondTheStoresEndIsUnshared) {
  Merger small(1);
  const PageId guest = small.add_guest(2);
  ASSERT_EQ(small.offer(guest, {1}, FirstSighting::makes_frame), Outcome::done);
  ASSERT_EQ(small.offer({guest.value + 1}, {2}, FirstSighting::makes_frame), Outcome::done);
  EXPECT_EQ(small.take_orders().donations.size(), 1U);
  EXPECT_EQ(small.counts().pages_unshared, 1U);
}

TEST_F(MergerTest, SecondSightingAsksTheNewcomerToDonate) {
  ASSERT_EQ(merger_.offer(a_, {1}), Outcome::done);
  ASSERT_EQ(merger_.offer(b_, {1}), Outcome::done);
  const MergerOrders orders = merger_.take_orders();
  ASSERT_EQ(orders.donations.size(), 1U);
  EXPECT_EQ(orders.donations[0].page, b_);
  EXPECT_TRUE(orders.grants.empty());  // nothing is granted before the frame has its bytes
}

TEST_F(MergerTest, APublishedFrameIsGrantedToAllThatWait) {
  ASSERT_EQ(merger_.offer(a_, {1}), Outcome::done);
  ASSERT_EQ(merger_.offer(b_, {1}), Outcome::done);
  ASSERT_EQ(merger_.offer(c_, {1}), Outcome::done);
  const auto frame = merger_.donated(b_, {1});
  ASSERT_TRUE(frame);
  EXPECT_TRUE(merger_.take_orders().grants.empty());  // it has no bytes yet
  publish(merger_, *frame);
  EXPECT_EQ(merger_.take_orders().grants.size(), 3U);
  EXPECT_EQ(merger_.records().references(*frame), 3U);  // counted before anybody hears of it
  EXPECT_EQ(merger_.counts().pages_shared, 1U);
  EXPECT_EQ(merger_.counts().pages_merged, 0U);
}

TEST_F(MergerTest, LaterSightingsAreGrantedAtOnce) {
  const FrameId frame = share(a_, b_, {1});
  ASSERT_EQ(merger_.offer(c_, {1}), Outcome::done);
  const MergerOrders orders = merger_.take_orders();
  ASSERT_EQ(orders.grants.size(), 1U);
  EXPECT_EQ(orders.grants[0].frame, frame);
  EXPECT_EQ(merger_.records().references(frame), 3U);
}

TEST_F(MergerTest, ADonorThatChangedIsReplaced) {
  ASSERT_EQ(merger_.offer(a_, {1}), Outcome::done);
  ASSERT_EQ(merger_.offer(b_, {1}), Outcome::done);
  ASSERT_EQ(merger_.offer(c_, {1}), Outcome::done);
  static_cast<void>(merger_.take_orders());
  EXPECT_FALSE(merger_.donated(b_, {99}));
  const MergerOrders orders = merger_.take_orders();
  ASSERT_EQ(orders.donations.size(), 1U);
  EXPECT_NE(orders.donations[0].page, b_);
  const auto frame = merger_.donated(orders.donations[0].page, {1});
  ASSERT_TRUE(frame);
  publish(merger_, *frame);
  EXPECT_EQ(merger_.take_orders().grants.size(), 2U);
}

TEST_F(MergerTest, TheLastOfTwoIsUnsharedAgainWhenTheDonorChanged) {
  ASSERT_EQ(merger_.offer(a_, {1}), Outcome::done);
  ASSERT_EQ(merger_.offer(b_, {1}), Outcome::done);
  EXPECT_FALSE(merger_.donated(b_, {99}));
  EXPECT_EQ(merger_.counts().pages_unshared, 1U);
  EXPECT_EQ(merger_.counts().pages_pending, 0U);
  EXPECT_EQ(merger_.records().frames_in_use(), 0U);
  ASSERT_EQ(merger_.offer(c_, {1}), Outcome::done);  // and is found by the next
  EXPECT_EQ(merger_.take_orders().donations.back().page, c_);
}

TEST_F(MergerTest, ADonorThatKeepsSilentIsPassedOver) {
  ASSERT_EQ(merger_.offer(a_, {1}), Outcome::done);
  ASSERT_EQ(merger_.offer(b_, {1}), Outcome::done);
  static_cast<void>(merger_.take_orders());
  pass_over_silent_donors(merger_);
  EXPECT_TRUE(merger_.take_orders().donations.empty());  // it may have been asked a moment ago
  pass_over_silent_donors(merger_);
  const auto donations = merger_.take_orders().donations;
  ASSERT_EQ(donations.size(), 1U);
  EXPECT_EQ(donations[0].page, a_);
  EXPECT_FALSE(merger_.donated(b_, {1}));  // too late
  EXPECT_TRUE(merger_.donated(a_, {1}));
}

TEST_F(MergerTest, AFrameWithoutMemoryIsPublishedToNobody) {
  ASSERT_EQ(merger_.offer(a_, {1}), Outcome::done);
  ASSERT_EQ(merger_.offer(b_, {1}), Outcome::done);
  ASSERT_TRUE(merger_.donated(b_, {1}));
  ASSERT_EQ(merger_.withdraw(b_), Outcome::done);  // what follows a write that failed
  EXPECT_TRUE(merger_.take_orders().grants.empty());
  EXPECT_EQ(merger_.counts().pages_shared, 0U);
  EXPECT_EQ(merger_.counts().pages_unshared, 1U);
}

TEST_F(MergerTest, ADonationNobodyAskedForIsNoUse) {
  ASSERT_EQ(merger_.offer(a_, {1}), Outcome::done);
  ASSERT_EQ(merger_.offer(b_, {1}), Outcome::done);
  EXPECT_FALSE(merger_.donated(a_, {1}));
  EXPECT_FALSE(merger_.donated(c_, {1}));
}

TEST_F(MergerTest, AFrameIsReapedAtItsLastUser) {
  const FrameId frame = share(a_, b_, {1});
  ASSERT_EQ(merger_.broken(a_), Outcome::done);
  EXPECT_TRUE(merger_.take_orders().reaped.empty());
  ASSERT_EQ(merger_.broken(b_), Outcome::done);
  const MergerOrders orders = merger_.take_orders();
  ASSERT_EQ(orders.reaped.size(), 1U);
  EXPECT_EQ(orders.reaped[0], frame);
  ASSERT_EQ(merger_.offer(c_, {1}), Outcome::done);  // its digest is first seen again
  EXPECT_EQ(merger_.counts().pages_unshared, 1U);
}

TEST_F(MergerTest, ARefusedGrantGivesItsReferenceBack) {
  const FrameId frame = share(a_, b_, {1});
  ASSERT_EQ(merger_.offer(c_, {1}), Outcome::done);
  ASSERT_EQ(merger_.answered(c_, Answer::refused), Outcome::done);
  EXPECT_EQ(merger_.records().references(frame), 2U);
  EXPECT_EQ(merger_.counts().pages_pending, 0U);
}

TEST_F(MergerTest, AnOfferThatMeetsAGrantOnTheWayIsIgnored) {
  share(a_, b_, {1});
  ASSERT_EQ(merger_.offer(c_, {1}), Outcome::done);
  EXPECT_EQ(merger_.offer(c_, {2}), Outcome::done);
  EXPECT_EQ(merger_.withdraw(c_), Outcome::done);
  EXPECT_EQ(merger_.answered(c_, Answer::refused), Outcome::done);
}

TEST_F(MergerTest, AnOfferReplacesThePagesEarlierOne) {
  ASSERT_EQ(merger_.offer(a_, {1}), Outcome::done);
  ASSERT_EQ(merger_.offer(a_, {2}), Outcome::done);
  ASSERT_EQ(merger_.offer(b_, {1}), Outcome::done);
  EXPECT_TRUE(merger_.take_orders().donations.empty());
  EXPECT_EQ(merger_.counts().pages_unshared, 2U);
}

TEST_F(MergerTest, AWithdrawnOfferIsNotFound) {
  ASSERT_EQ(merger_.offer(a_, {1}), Outcome::done);
  ASSERT_EQ(merger_.withdraw(a_), Outcome::done);
  ASSERT_EQ(merger_.offer(b_, {1}), Outcome::done);
  EXPECT_TRUE(merger_.take_orders().donations.empty());
}

TEST_F(MergerTest, WhatContradictsTheRecordsIsAViolation) {
  share(a_, b_, {1});
  EXPECT_EQ(merger_.offer(a_, {2}), Outcome::violation);
  EXPECT_EQ(merger_.withdraw(a_), Outcome::violation);
  EXPECT_EQ(merger_.answered(a_, Answer::kept), Outcome::violation);
  EXPECT_EQ(merger_.broken(c_), Outcome::violation);
}

TEST_F(MergerTest, ADetachedGuestKeepsTheReferencesOfItsProcess) {
  const FrameId frame = share(a_, b_, {1});
  ASSERT_EQ(merger_.offer(c_, {5}), Outcome::done);
  detach(merger_, other_, 16);
  EXPECT_EQ(merger_.records().references(frame), 2U);
  EXPECT_EQ(merger_.counts().pages_unshared, 0U);  // it can't be asked to donate any more
  remove(merger_, other_, 16);
  EXPECT_EQ(merger_.records().references(frame), 1U);
}

TEST_F(MergerTest, WithItsLastGuestTheDomainIsEmpty) {
  share(a_, b_, {1});
  share({a_.value + 1}, {a_.value + 2}, {2});
  ASSERT_EQ(merger_.offer(c_, {3}), Outcome::done);
  remove(merger_, guest_, 16);
  remove(merger_, other_, 16);
  EXPECT_EQ(merger_.take_orders().reaped.size(), 2U);
  EXPECT_EQ(merger_.records().frames_in_use(), 0U);
  const SharingCounts counts = merger_.counts();
  EXPECT_EQ(counts.pages_shared + counts.pages_merged + counts.pages_unshared + counts.pages_pending, 0U);
}

TEST_F(MergerTest, NeighbouringPagesGetNeighbouringFrames) {
  for (std::uint32_t i = 0; i < 8; ++i)
    ASSERT_EQ(merger_.offer({guest_.value + i}, {100 + i}), Outcome::done);
  for (std::uint32_t i = 0; i < 8; ++i)
    ASSERT_EQ(merger_.offer({other_.value + i}, {100 + i}), Outcome::done);
  const auto donations = merger_.take_orders().donations;
  ASSERT_EQ(donations.size(), 8U);
  for (std::uint32_t i = 1; i < 8; ++i) EXPECT_EQ(donations[i].frame, donations[i - 1].frame + 1);
}

TEST(Merger, AFullStoreMergesNoMoreAndLosesNothing) {
  Merger merger(1);
  const PageId guest = merger.add_guest(8);
  const auto page = [&](std::uint32_t i) { return PageId{guest.value + i}; };
  for (std::uint32_t i = 0; i < 4; ++i) ASSERT_EQ(merger.offer(page(i), {i / 2}), Outcome::done);
  const auto donations = merger.take_orders().donations;
  ASSERT_EQ(donations.size(), 1U);
  EXPECT_EQ(donations[0].frame, FrameId{0});  // numbers stay below the limit
  EXPECT_EQ(merger.counts().pages_unshared, 1U);
}

TEST(MergerAccount, WhatAUserHasNoRoomForIsNotMerged) {
  Account account(std::uint64_t{100} * page_size);
  {
    Merger merger(1000, {}, {}, &account);
    const PageId guest = merger.add_guest(400), other = merger.add_guest(400);
    for (std::uint32_t i = 0; i < 400; ++i) {
      ASSERT_EQ(merger.offer({guest.value + i}, {i}), Outcome::done);
      ASSERT_EQ(merger.offer({other.value + i}, {i}), Outcome::done);
    }
    EXPECT_GT(merger.records().frames_in_use(), 80U);
    EXPECT_LT(merger.records().frames_in_use(), 100U);
    EXPECT_LE(account.used(), account.limit());
    EXPECT_GT(account.refusals(), 0U);
    remove(merger, guest, 400);
    remove(merger, other, 400);
    EXPECT_EQ(merger.records().frames_in_use(), 0U);
    EXPECT_EQ(account.used(), 0U);
    ASSERT_EQ(merger.offer(merger.add_guest(400), {1}), Outcome::done);
    EXPECT_GT(account.used(), 0U);
  }
  EXPECT_EQ(account.used(), 0U);
}

}  // namespace
}  // namespace samepage::dedup
