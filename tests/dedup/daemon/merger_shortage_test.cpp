// SPDX-License-Identifier: Apache-2.0
// Frames and slots that can't be written: what waits for them is not forgotten.
#include <gtest/gtest.h>

#include <vector>

#include "tests/dedup/daemon/merger_steps.hpp"
#include "tests/dedup/daemon/some_room.hpp"

namespace samepage::dedup {
namespace {

constexpr Digest content{77};

class MergerShortage : public testing::Test {
 protected:
  void let_go() {
    merger_.let_frames_go();
    Turn whole(Turn::endless);
    EXPECT_TRUE(merger_.go_on(whole));
  }
  // The pages that are asked to donate now.
  std::vector<PageId> asked() {
    std::vector<PageId> pages;
    for (const auto& [page, frame] : merger_.take_orders().donations) pages.push_back(page);
    return pages;
  }
  void offer_twice(PageId first, Digest digest) {
    EXPECT_EQ(merger_.offer(first, digest), Outcome::done);
    EXPECT_EQ(merger_.offer(first + 1, digest), Outcome::done);
  }
  // Two pages want a frame, and there is no memory for it.
  FrameId refuse(PageId first, Digest digest) {
    offer_twice(first, digest);
    const auto frame = merger_.donated(asked().at(0), digest);
    EXPECT_TRUE(frame);
    merger_.not_written(*frame, first + 1);
    return *frame;
  }

  SomeRoom room_{3};
  Merger merger_{1000, {}, {}, nullptr, &room_};
  const PageId guest_ = merger_.add_guest(64);
};

TEST_F(MergerShortage, PagesWaitAndNobodyIsAskedInVain) {
  refuse(guest_, content);
  offer_twice(guest_ + 10, Digest{78});
  EXPECT_TRUE(asked().empty());
  EXPECT_EQ(merger_.counts().pages_pending, 4U);
  EXPECT_FALSE(merger_.busy());
  // Silence is no fault of theirs.
  for (int i = 0; i < 4; ++i) pass_over_silent_donors(merger_);
  EXPECT_TRUE(asked().empty());
}

TEST_F(MergerShortage, OneIsTriedThenAll) {
  refuse(guest_, content);
  offer_twice(guest_ + 10, Digest{78});
  offer_twice(guest_ + 20, Digest{79});
  EXPECT_TRUE(merger_.try_one_frame());
  EXPECT_EQ(asked(), std::vector{guest_ + 1});
  const auto frame = merger_.donated(guest_ + 1, content);
  ASSERT_TRUE(frame);
  publish(merger_, *frame);
  let_go();
  const MergerOrders orders = merger_.take_orders();
  EXPECT_EQ(orders.donations.size(), 2U);
  EXPECT_EQ(orders.grants.size(), 2U) << "those of the first one";
  EXPECT_FALSE(merger_.busy());
}

TEST_F(MergerShortage, WhatGoesMeanwhileIsNotTried) {
  refuse(guest_, content);
  EXPECT_EQ(merger_.withdraw(guest_), Outcome::done);
  EXPECT_EQ(merger_.withdraw(guest_ + 1), Outcome::done);
  EXPECT_FALSE(merger_.try_one_frame());
  EXPECT_EQ(merger_.counts(), SharingCounts{});
}

TEST_F(MergerShortage, AnotherPageIsAskedForTheOneThatGoes) {
  refuse(guest_, content);
  EXPECT_EQ(merger_.offer(guest_ + 2, content), Outcome::done);
  EXPECT_EQ(merger_.withdraw(guest_ + 1), Outcome::done);  // it was to donate
  EXPECT_TRUE(asked().empty()) << "it is not its turn yet";
  EXPECT_TRUE(merger_.try_one_frame());
  const auto donors = asked();
  ASSERT_EQ(donors.size(), 1U);
  EXPECT_NE(donors[0], guest_ + 1);
  EXPECT_TRUE(merger_.donated(donors[0], content));
}

TEST_F(MergerShortage, PagesOfASlotThatADiskRefusesShareAFrame) {
  EXPECT_EQ(merger_.offer(guest_, content, FirstSighting::pages_out), Outcome::done);
  for (std::uint32_t page = 1; page < 4; ++page)
    EXPECT_EQ(merger_.offer(guest_ + page, content), Outcome::done);
  const auto slot = merger_.donated(guest_, content);
  ASSERT_TRUE(slot && is_slot(*slot));
  static_cast<void>(merger_.take_orders());
  merger_.cancel(*slot);
  EXPECT_EQ(merger_.counts().pages_pending, 4U) << "nobody offers them again";
  const auto donors = asked();
  ASSERT_EQ(donors.size(), 1U);
  const auto frame = merger_.donated(donors[0], content);
  ASSERT_TRUE(frame && !is_slot(*frame));
  publish(merger_, *frame);
  EXPECT_EQ(merger_.take_orders().grants.size(), 4U);
}

TEST_F(MergerShortage, APageAloneThatADiskRefusesIsKnownByItsDigest) {
  EXPECT_EQ(merger_.offer(guest_, content, FirstSighting::pages_out), Outcome::done);
  const auto slot = merger_.donated(guest_, content);
  ASSERT_TRUE(slot);
  merger_.cancel(*slot);
  EXPECT_EQ(merger_.counts().pages_unshared, 1U);
  EXPECT_EQ(merger_.offer(guest_ + 1, content), Outcome::done);
  EXPECT_EQ(merger_.counts().pages_pending, 2U) << "the second sighting";
}

}  // namespace
}  // namespace samepage::dedup
