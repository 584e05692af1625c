// SPDX-License-Identifier: Apache-2.0
// Frames that all sharers have left cold go out, whatever comes in between: no reference is lost, and a
// content never stays in two places for good.
#include "dedup/daemon/evictions.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "dedup/daemon/merger.hpp"
#include "tests/dedup/daemon/merger_steps.hpp"
#include "tests/dedup/daemon/some_room.hpp"

namespace samepage::dedup {
namespace {

class EvictionsTest : public testing::Test {
 protected:
  FrameId merge(PageId first, PageId second, Digest digest) { return share(merger_, first, second, digest); }
  void cool(std::initializer_list<PageId> pages) {
    for (const PageId page : pages) EXPECT_EQ(merger_.cold(page), Outcome::done);
  }
  MergerOrders go_on() {
    Turn whole(Turn::endless);
    EXPECT_TRUE(merger_.go_on(whole));
    return merger_.take_orders();
  }
  // The slot that the frame's bytes are on their way to.
  FrameId begin(FrameId frame) {
    const MergerOrders orders = go_on();
    EXPECT_EQ(orders.copies, std::vector{frame});
    return merger_.records().twin(frame).value();
  }
  // All that was written of a frame that was merged by a_ and b_; both have been told.
  FrameId send(FrameId frame) {
    cool({a_, b_});
    const FrameId slot = begin(frame);
    publish(merger_, slot);
    EXPECT_EQ(merger_.take_orders().grants.size(), 2U);
    return slot;
  }
  [[nodiscard]] const FrameRefs& records() const { return merger_.records(); }
  void remove(PageId guest) { dedup::remove(merger_, guest, 16); }
  void expect_nothing_left() {
    for (const PageId guest : {a_, b_, c_}) remove(guest);
    EXPECT_EQ(merger_.counts(), SharingCounts{});
    EXPECT_TRUE(room_.taken().empty());
    EXPECT_EQ(records().frames_in_use(), 0U);
    EXPECT_EQ(records().slots_in_use(), 0U);
  }

  SomeRoom room_{3};
  Merger merger_{1000, {}, {}, nullptr, &room_};
  PageId a_ = merger_.add_guest(16);
  PageId b_ = merger_.add_guest(16);
  PageId c_ = merger_.add_guest(16);
};

TEST_F(EvictionsTest, AFrameGoesOutWhenAllItsSharersHaveLeftItCold) {
  const FrameId frame = merge(a_, b_, {1});
  cool({a_});
  EXPECT_TRUE(go_on().copies.empty()) << "b uses it";
  cool({b_});
  const FrameId slot = begin(frame);
  EXPECT_TRUE(is_slot(slot));
  EXPECT_EQ(merger_.counts().pages_merged, 2U) << "it is not there yet";
  publish(merger_, slot);
  const MergerOrders told = merger_.take_orders();
  ASSERT_EQ(told.grants.size(), 2U);
  for (const PageAndFrame& grant : told.grants) EXPECT_EQ(grant.frame, slot);
  EXPECT_TRUE(told.reaped.empty()) << "both still map the frame";

  EXPECT_EQ(merger_.answered(a_, Answer::kept), Outcome::done);
  EXPECT_TRUE(merger_.take_orders().reaped.empty()) << "b still maps the frame";
  EXPECT_EQ(merger_.answered(b_, Answer::kept), Outcome::done);
  const MergerOrders orders = merger_.take_orders();
  EXPECT_EQ(orders.reaped, std::vector{frame});
  EXPECT_EQ(orders.frames_out, 1U);
  EXPECT_EQ(records().references(slot), 2U);
  EXPECT_EQ(merger_.counts().pages_paged, 2U);
  EXPECT_EQ(merger_.counts().pages_merged, 0U);
  expect_nothing_left();
}

TEST_F(EvictionsTest, WhoComesWhileItIsWrittenKeepsItInMemory) {
  const FrameId frame = merge(a_, b_, {1});
  cool({a_, b_});
  const FrameId slot = begin(frame);
  ASSERT_EQ(merger_.offer(c_, {1}), Outcome::done);
  ASSERT_EQ(merger_.take_orders().grants.at(0).frame, frame) << "there is one place to find it";
  publish(merger_, slot);
  EXPECT_TRUE(merger_.take_orders().grants.empty());
  EXPECT_TRUE(room_.taken().empty()) << "the slot was for nothing";
  EXPECT_EQ(merger_.answered(c_, Answer::kept), Outcome::done);
  cool({c_});
  begin(frame);
  expect_nothing_left();
}

TEST_F(EvictionsTest, WhoUsesItWhileItIsWrittenKeepsItInMemory) {
  const FrameId frame = merge(a_, b_, {1});
  cool({a_, b_});
  const FrameId slot = begin(frame);
  merger_.warm(a_);
  publish(merger_, slot);
  EXPECT_TRUE(merger_.take_orders().grants.empty());
  EXPECT_TRUE(room_.taken().empty());
  EXPECT_EQ(records().references(frame), 2U);
  expect_nothing_left();
}

TEST_F(EvictionsTest, WhoComesWhenItIsWrittenGetsTheSlot) {
  const FrameId slot = send(merge(a_, b_, {1}));
  ASSERT_EQ(merger_.offer(c_, {1}), Outcome::done);
  EXPECT_EQ(merger_.take_orders().grants.at(0).frame, slot);
  for (const PageId page : {a_, b_, c_}) EXPECT_EQ(merger_.answered(page, Answer::kept), Outcome::done);
  EXPECT_EQ(records().references(slot), 3U);
  EXPECT_EQ(merger_.counts().pages_shared, 0U);
  expect_nothing_left();
}

TEST_F(EvictionsTest, APageThatIsWrittenMeanwhileLeavesTheFrameAndAnswersLater) {
  const FrameId frame = merge(a_, b_, {1});
  const FrameId slot = send(frame);
  ASSERT_EQ(merger_.broken(a_), Outcome::done);
  EXPECT_EQ(records().references(frame), 1U);
  EXPECT_EQ(records().references(slot), 1U) << "its agent may be about to map it";
  ASSERT_EQ(merger_.offer(a_, {7}), Outcome::done) << "its agent has not heard of the slot yet";
  ASSERT_EQ(merger_.answered(b_, Answer::kept), Outcome::done);
  EXPECT_EQ(merger_.take_orders().reaped, std::vector{frame});
  ASSERT_EQ(merger_.answered(a_, Answer::refused), Outcome::done);
  EXPECT_EQ(records().references(slot), 1U);
  EXPECT_EQ(records().state(a_), SharingState::none);
  expect_nothing_left();
}

TEST_F(EvictionsTest, AFrameThatNobodyCouldLeaveIsFoundInMemoryAgain) {
  const FrameId frame = merge(a_, b_, {1});
  send(frame);
  for (const PageId page : {a_, b_}) ASSERT_EQ(merger_.answered(page, Answer::refused), Outcome::done);
  EXPECT_TRUE(room_.taken().empty());
  ASSERT_EQ(merger_.offer(c_, {1}), Outcome::done);
  EXPECT_EQ(merger_.take_orders().grants.at(0).frame, frame);
  expect_nothing_left();
}

TEST_F(EvictionsTest, WhoCouldNotLeaveFollowsWhenThePageIsColdAgain) {
  const FrameId frame = merge(a_, b_, {1});
  const FrameId slot = send(frame);
  ASSERT_EQ(merger_.answered(a_, Answer::kept), Outcome::done);
  ASSERT_EQ(merger_.answered(b_, Answer::refused), Outcome::done);
  EXPECT_TRUE(merger_.take_orders().reaped.empty());
  ASSERT_EQ(merger_.broken(a_), Outcome::done);
  ASSERT_EQ(merger_.offer(c_, {1}), Outcome::done);
  EXPECT_EQ(merger_.take_orders().grants.at(0).frame, frame) << "nobody has it on disk any more";
  ASSERT_EQ(merger_.answered(c_, Answer::kept), Outcome::done);
  EXPECT_TRUE(room_.taken().empty());

  cool({b_, c_});
  const FrameId again = begin(frame);
  publish(merger_, again);
  ASSERT_EQ(merger_.answered(c_, Answer::kept), Outcome::done);
  ASSERT_EQ(merger_.answered(b_, Answer::refused), Outcome::done);
  cool({b_});
  const MergerOrders told = merger_.take_orders();
  ASSERT_EQ(told.grants.back().page, b_);
  EXPECT_EQ(told.grants.back().frame, again) << "it is written already";
  ASSERT_EQ(merger_.answered(b_, Answer::kept), Outcome::done);
  EXPECT_EQ(merger_.take_orders().reaped, std::vector{frame});
  static_cast<void>(slot);
  expect_nothing_left();
}

TEST_F(EvictionsTest, TheSlotStaysForWhoMayBeAboutToMapIt) {
  const FrameId slot = send(merge(a_, b_, {1}));
  ASSERT_EQ(merger_.answered(a_, Answer::kept), Outcome::done);
  ASSERT_EQ(merger_.broken(a_), Outcome::done);
  EXPECT_EQ(records().state(slot), FrameState::published) << "b was told to map it";
  ASSERT_EQ(merger_.answered(b_, Answer::kept), Outcome::done);
  EXPECT_EQ(records().references(slot), 1U);
  expect_nothing_left();
}

TEST_F(EvictionsTest, GuestsThatGoTakeTheirReferencesAlong) {
  const FrameId frame = merge(a_, b_, {1});
  const FrameId slot = send(frame);
  remove(a_);
  EXPECT_EQ(records().references(frame), 1U);
  ASSERT_EQ(merger_.answered(b_, Answer::kept), Outcome::done);
  EXPECT_EQ(records().references(slot), 1U);
  a_ = merger_.add_guest(16);
  expect_nothing_left();
}

TEST_F(EvictionsTest, AFrameThatGoesWhileItIsWrittenTakesItsSlotAlong) {
  const FrameId frame = merge(a_, b_, {1});
  cool({a_, b_});
  begin(frame);
  ASSERT_EQ(merger_.broken(a_), Outcome::done);
  ASSERT_EQ(merger_.broken(b_), Outcome::done);
  EXPECT_TRUE(room_.taken().empty());
  EXPECT_EQ(merger_.take_orders().reaped, std::vector{frame});
  EXPECT_EQ(merger_.counts(), SharingCounts{});
}

TEST_F(EvictionsTest, AFrameThatCanNotBeWrittenStaysAndIsTriedAgainWhenAsked) {
  const FrameId frame = merge(a_, b_, {1});
  cool({a_, b_});
  merger_.cancel(begin(frame));
  EXPECT_TRUE(room_.taken().empty());
  EXPECT_FALSE(merger_.busy());
  cool({b_});
  begin(frame);
  expect_nothing_left();
}

TEST_F(EvictionsTest, WithoutRoomFramesStay) {
  for (std::uint32_t i = 0; i < 8; ++i) merge(a_ + i, b_ + i, {100 + i});
  for (std::uint32_t i = 0; i < 8; ++i) cool({a_ + i, b_ + i});
  EXPECT_EQ(go_on().copies.size(), 6U) << "there is room for so many";
  EXPECT_FALSE(merger_.busy());
  expect_nothing_left();
}

TEST_F(EvictionsTest, WhoeverComesBackSaysWhichOfThemItMaps) {
  const FrameId frame = merge(a_, b_, {1});
  const FrameId slot = send(frame);
  detach(merger_, a_, 16);
  detach(merger_, b_, 16);
  merger_.retained_out(a_);  // the answer was lost
  ASSERT_EQ(merger_.retained(a_), Outcome::done);
  ASSERT_EQ(merger_.retained(b_), Outcome::done);
  EXPECT_EQ(records().frame(a_), slot);
  EXPECT_EQ(records().state(a_), SharingState::merged);
  const MergerOrders told = merger_.take_orders();
  ASSERT_EQ(told.grants.size(), 1U) << "the question was lost";
  EXPECT_EQ(told.grants[0].page, b_);
  ASSERT_EQ(merger_.answered(b_, Answer::kept), Outcome::done);
  EXPECT_EQ(merger_.take_orders().reaped, std::vector{frame});
  expect_nothing_left();
}

TEST_F(EvictionsTest, OfAGuestThatCanNotBeAskedNothingIsKnownToBeCold) {
  const FrameId frame = merge(a_, b_, {1});
  cool({a_});
  detach(merger_, a_, 16);
  cool({b_});
  EXPECT_TRUE(go_on().copies.empty());
  EXPECT_EQ(records().cold(frame), 1U);
  expect_nothing_left();
}

TEST_F(EvictionsTest, OnlyWhatIsMergedCanBeCold) {
  EXPECT_EQ(merger_.cold(a_), Outcome::violation);
  ASSERT_EQ(merger_.offer(a_, {1}), Outcome::done);
  EXPECT_EQ(merger_.cold(a_), Outcome::violation);
  merge(a_ + 1, b_ + 1, {2});
  cool({a_ + 1});
  EXPECT_EQ(merger_.offer(a_ + 1, {3}), Outcome::violation);
  EXPECT_EQ(merger_.withdraw(a_ + 1), Outcome::violation);
  EXPECT_EQ(merger_.answered(a_ + 1, Answer::kept), Outcome::violation);
  expect_nothing_left();
}

}  // namespace
}  // namespace samepage::dedup
