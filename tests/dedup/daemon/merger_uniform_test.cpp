// SPDX-License-Identifier: Apache-2.0
// What the merger decides in a uniform domain: of a page that others have, the same steps in the same order
// as of one that nobody has.
#include <gtest/gtest.h>

#include "dedup/daemon/account.hpp"
#include "tests/dedup/daemon/merger_steps.hpp"

namespace samepage::dedup {
namespace {

class UniformMerger : public testing::Test {
 protected:
  /// What the merger orders when `page` is offered with these bytes and donates them.
  struct Steps {
    std::size_t asked = 0, granted_before = 0, granted_after = 0;
    friend bool operator==(const Steps&, const Steps&) = default;
  };
  Steps merge(PageId page, Digest digest) {
    Steps steps;
    EXPECT_EQ(merger_.offer(page, digest), Outcome::done);
    MergerOrders orders = merger_.take_orders();
    steps.asked = orders.donations.size();
    steps.granted_before = orders.grants.size();
    if (const auto frame = merger_.donated(page, digest)) publish(merger_, *frame);
    orders = merger_.take_orders();
    steps.granted_after = orders.grants.size();
    EXPECT_EQ(merger_.answered(page, Answer::kept), Outcome::done);
    return steps;
  }

  Account account_;
  Merger merger_{1000, {}, {}, &account_, nullptr, 1};
  PageId guest_ = merger_.add_guest(16);
  PageId other_ = merger_.add_guest(16);
};

TEST_F(UniformMerger, AsksAPageForItsBytesWhoeverHasThem) {
  const Steps of_nobody = merge(guest_, {1});
  EXPECT_EQ(of_nobody, (Steps{1, 0, 1}));
  EXPECT_EQ(merge(other_, {1}), of_nobody);
  EXPECT_EQ(merge(other_ + 1, {2}), of_nobody);
  EXPECT_EQ(merger_.counts().pages_shared, 2U);
  EXPECT_EQ(merger_.counts().pages_sharing(), 1U);
  EXPECT_EQ(merger_.counts().pages_unshared, 0U);
  EXPECT_EQ(merger_.records().frame(guest_), merger_.records().frame(other_));
  EXPECT_EQ(merger_.records().frames_in_use(), 2U) << "the frame that was not needed stays";
}

TEST_F(UniformMerger, TwoPagesThatAreOfferedTogetherGetOneFrame) {
  for (const PageId page : {guest_, other_}) ASSERT_EQ(merger_.offer(page, {1}), Outcome::done);
  EXPECT_EQ(merger_.take_orders().donations.size(), 2U);
  const auto frame = merger_.donated(other_, {1});
  ASSERT_TRUE(frame);
  publish(merger_, *frame);
  EXPECT_EQ(merger_.donated(guest_, {1}), std::nullopt);
  EXPECT_EQ(merger_.take_orders().grants.size(), 2U);
  EXPECT_EQ(merger_.records().references(*frame), 2U);
  EXPECT_EQ(merger_.records().frames_in_use(), 1U);
}

// Of a frame that waits nothing is known yet, so however many wait, each finds room when it is published.
TEST_F(UniformMerger, ManyMayWait) {
  constexpr std::uint32_t pages = 5000;
  Merger merger(10 * pages, {}, {}, nullptr, nullptr, 1);
  const PageId first = merger.add_guest(pages), second = merger.add_guest(pages);
  for (const PageId guest : {first, second}) {
    for (std::uint32_t i = 0; i < pages; ++i) ASSERT_EQ(merger.offer(guest + i, {i}), Outcome::done);
  }
  for (const PageId guest : {first, second}) {
    for (std::uint32_t i = 0; i < pages; ++i) {
      if (const auto frame = merger.donated(guest + i, {i})) publish(merger, *frame);
    }
  }
  EXPECT_EQ(merger.take_orders().grants.size(), 2 * pages);
  EXPECT_EQ(merger.counts().pages_shared, pages);
  EXPECT_EQ(merger.records().frames_in_use(), pages);
}

TEST_F(UniformMerger, LaysFramesAnywhere) {
  std::uint32_t neighbours = 0;
  for (std::uint32_t i = 0; i < 16; ++i) merge(guest_ + i, {i + 1});
  for (std::uint32_t i = 1; i < 16; ++i) {
    if (merger_.records().frame(guest_ + i) == merger_.records().frame(guest_ + (i - 1)) + 1) ++neighbours;
  }
  EXPECT_LT(neighbours, 4U);
}

TEST_F(UniformMerger, APageThatHasChangedIsNotKnown) {
  ASSERT_EQ(merger_.offer(guest_, {1}), Outcome::done);
  EXPECT_EQ(merger_.donated(guest_, {2}), std::nullopt);
  EXPECT_EQ(merger_.records().state(guest_), SharingState::none);
  EXPECT_EQ(merger_.records().frames_in_use(), 0U);
  EXPECT_EQ(merger_.counts(), SharingCounts{});
}

TEST_F(UniformMerger, WhoIsNotAskedDonatesForNothing) {
  EXPECT_EQ(merger_.donated(guest_, {1}), std::nullopt);
  merge(guest_, {1});
  EXPECT_EQ(merger_.donated(guest_, {1}), std::nullopt);
}

// Whether a page is merged while memory is short must not depend on what others have.
TEST_F(UniformMerger, WithoutRoomForAFrameAPageOfOthersIsNotMergedEither) {
  merge(guest_, {1});
  ASSERT_EQ(merger_.offer(other_, {9}), Outcome::done);  // its block of records is charged
  ASSERT_EQ(merger_.withdraw(other_), Outcome::done);
  account_.set_limit(account_.used() * 8 / 7);
  for (const std::uint64_t digest : {1U, 2U}) {
    ASSERT_EQ(merger_.offer(other_, {digest}), Outcome::done);
    EXPECT_EQ(merger_.records().state(other_), SharingState::none) << digest;
  }
}

TEST_F(UniformMerger, NothingGoesOut) {
  ASSERT_EQ(merger_.offer(guest_, {1}, FirstSighting::pages_out), Outcome::done);
  EXPECT_FALSE(is_slot(merger_.records().frame(guest_)));
  const auto frame = merger_.donated(guest_, {1});
  ASSERT_TRUE(frame);
  publish(merger_, *frame);
  ASSERT_EQ(merger_.answered(guest_, Answer::kept), Outcome::done);
  ASSERT_EQ(merger_.cold(guest_), Outcome::done);
  Turn whole(Turn::endless);
  EXPECT_TRUE(merger_.go_on(whole));
  EXPECT_TRUE(merger_.take_orders().copies.empty());
}

TEST_F(UniformMerger, ABreakEndsAFrameOfOnePageAndNoOther) {
  merge(guest_, {1});
  merge(other_, {1});
  ASSERT_EQ(merger_.broken(guest_), Outcome::done);
  EXPECT_TRUE(merger_.take_orders().reaped.empty());
  ASSERT_EQ(merger_.broken(other_), Outcome::done);
  EXPECT_EQ(merger_.take_orders().reaped.size(), 1U);
  EXPECT_EQ(merge(guest_, {1}), (Steps{1, 0, 1})) << "it is quiet again";
}

}  // namespace
}  // namespace samepage::dedup
