// SPDX-License-Identifier: Apache-2.0
// Frames with a content that others have too, so that pages in a row map frames in a row.
#include <gtest/gtest.h>

#include <map>
#include <utility>
#include <vector>

#include "tests/dedup/daemon/merger_steps.hpp"

namespace samepage::dedup {
namespace {

// Contents that many pages in a row have.
class DupsTest : public testing::Test {
 protected:
  static constexpr std::uint32_t guest_pages = 32;
  static constexpr DupPolicy policy{.references = 8, .run = 4};

  PageId page(std::uint32_t n) const { return {guest_.value + n}; }
  void offer(std::uint32_t first, std::uint32_t end, Digest digest) {
    for (std::uint32_t i = first; i < end; ++i) ASSERT_EQ(merger_.offer(page(i), digest), Outcome::done);
  }
  // Donates what is asked for and answers every grant; returns the grants in the order of pages.
  std::map<PageId, FrameId> carry_out(Digest digest) {
    std::map<PageId, FrameId> granted;
    for (;;) {
      const MergerOrders orders = merger_.take_orders();
      if (orders.donations.empty() && orders.grants.empty()) return granted;
      for (const auto& [donor, frame] : orders.donations) {
        EXPECT_EQ(merger_.donated(donor, digest), frame);
        publish(merger_, frame);
      }
      for (const auto& [page, frame] : orders.grants) {
        granted[page] = frame;
        EXPECT_EQ(merger_.answered(page, Answer::kept), Outcome::done);
      }
    }
  }
  std::map<PageId, FrameId> share(std::uint32_t first, std::uint32_t end, Digest digest) {
    offer(first, end, digest);
    return carry_out(digest);
  }
  static std::size_t runs_of(const std::map<PageId, FrameId>& granted) {
    std::size_t runs = 0;
    FrameId expected;
    for (const auto& [page, frame] : granted) {
      if (frame != expected) ++runs;
      expected = frame + 1;
    }
    return runs;
  }

  std::vector<std::pair<FrameId, FrameId>> copies_;
  bool memory_left_ = true;
  Merger merger_{1000,
                 [this](FrameId from, FrameId to) {
                   copies_.emplace_back(from, to);
                   return memory_left_;
                 },
                 policy};
  PageId guest_ = merger_.add_guest(guest_pages);
};

TEST_F(DupsTest, PagesInARowWithOneContentMapFramesInARow) {
  const auto granted = share(0, guest_pages, {7});
  ASSERT_EQ(granted.size(), guest_pages);
  EXPECT_LE(runs_of(granted), guest_pages / policy.run + 2);
  EXPECT_EQ(merger_.counts().pages_merged, guest_pages);
  EXPECT_EQ(merger_.counts().frame_dups, policy.run);
  EXPECT_EQ(merger_.counts().pages_shared, policy.run + 1);
  std::uint32_t references = 0;
  for (const auto& [from, to] : copies_) {
    EXPECT_EQ(merger_.records().digest(to), Digest{7});
    EXPECT_EQ(merger_.records().state(from), FrameState::published);  // it has bytes to copy
    references += merger_.records().references(to);
  }
  EXPECT_EQ(references, guest_pages - 1);  // only the first page has no neighbour before it
}

TEST_F(DupsTest, LaterPagesInARowJoinTheDups) {
  share(0, 16, {7});
  const std::size_t copies = copies_.size();
  const auto granted = share(16, guest_pages, {7});
  EXPECT_LE(runs_of(granted), 16 / policy.run + 1);
  EXPECT_EQ(copies_.size(), copies);
}

TEST_F(DupsTest, FewPagesOrPagesApartShareOneFrame) {
  share(0, policy.references - 1, {7});
  for (std::uint32_t i = 8; i < guest_pages; i += 2) offer(i, i + 1, {9});
  carry_out({9});
  EXPECT_TRUE(copies_.empty());
  EXPECT_EQ(merger_.counts().pages_shared, 2U);
}

TEST_F(DupsTest, AContentOutlivesTheFrameThatTheIndexStandsOn) {
  const auto granted = share(0, 16, {7});
  const FrameId first = granted.at(page(0));
  for (const auto& [page, frame] : granted) {
    if (frame != first) continue;
    ASSERT_EQ(merger_.broken(page), Outcome::done);
  }
  EXPECT_EQ(merger_.take_orders().reaped, std::vector<FrameId>{first});
  EXPECT_EQ(merger_.counts().frame_dups, policy.run - 1);
  const auto later = share(20, 21, {7});
  ASSERT_EQ(later.size(), 1U);
  EXPECT_EQ(merger_.records().digest(later.begin()->second), Digest{7});
  EXPECT_EQ(merger_.records().state(later.begin()->second), FrameState::published);
}

TEST_F(DupsTest, ADupIsReapedAtItsLastUserAndMadeAgain) {
  const auto granted = share(0, 16, {7});
  const FrameId dup = granted.at(page(6));
  std::uint32_t users = 0;
  for (const auto& [page, frame] : granted) {
    if (frame != dup) continue;
    ASSERT_EQ(merger_.broken(page), Outcome::done);
    ++users;
  }
  // Not before its memory has been given back: the bytes would go with it.
  ASSERT_EQ(merger_.offer(page(6), {7}), Outcome::done);
  MergerOrders orders = merger_.take_orders();
  EXPECT_EQ(orders.reaped, std::vector<FrameId>{dup});
  ASSERT_EQ(orders.grants.size(), 1U);
  EXPECT_NE(orders.grants[0].frame, dup);
  EXPECT_GT(users, 1U);
  const std::size_t copies = copies_.size();
  ASSERT_EQ(merger_.offer(page(6 + policy.run), {7}), Outcome::done);
  EXPECT_EQ(merger_.take_orders().grants.at(0).frame, dup);
  EXPECT_EQ(copies_.size(), copies + 1);
}

TEST_F(DupsTest, WithoutMemoryForDupsAllShareOneFrame) {
  memory_left_ = false;
  const auto granted = share(0, guest_pages, {7});
  ASSERT_EQ(granted.size(), guest_pages);
  for (const auto& [page, frame] : granted) EXPECT_EQ(frame, granted.begin()->second);
  EXPECT_EQ(merger_.counts().frame_dups, 0U);
}

TEST_F(DupsTest, WithTheirLastUserAllNumbersAreFree) {
  share(0, guest_pages, {7});
  remove(merger_, guest_, guest_pages);
  EXPECT_EQ(merger_.take_orders().reaped.size(), policy.run + 1);
  EXPECT_EQ(merger_.records().frames_in_use(), 0U);
  EXPECT_EQ(merger_.records().frames_end(), 0U);
  EXPECT_EQ(merger_.counts().frame_dups, 0U);
  EXPECT_EQ(merger_.counts().pages_shared, 0U);
}

}  // namespace
}  // namespace samepage::dedup
