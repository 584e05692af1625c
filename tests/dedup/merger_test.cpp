// SPDX-License-Identifier: Apache-2.0
#include "dedup/daemon/merger.hpp"

#include <gtest/gtest.h>

#include <map>
#include <utility>
#include <vector>

namespace samepage::dedup {
namespace {

using Outcome = Merger::Outcome;
using Answer = Merger::Answer;
using FirstSighting = Merger::FirstSighting;

void publish(Merger& merger, FrameId frame) {
  Turn whole(Turn::endless);
  merger.publish(frame, whole);
}

void detach(Merger& merger, PageId guest, std::uint32_t pages) {
  Turn whole(Turn::endless);
  std::uint32_t at = 0;
  bool references = false;
  EXPECT_TRUE(merger.detach_guest(guest, pages, at, references, whole));
}

void remove(Merger& merger, PageId guest, std::uint32_t pages) {
  Turn whole(Turn::endless);
  std::uint32_t at = 0;
  EXPECT_TRUE(merger.remove_guest(guest, pages, at, whole));
}

void pass_over_silent_donors(Merger& merger) {
  merger.pass_over_silent_donors();
  Turn whole(Turn::endless);
  EXPECT_TRUE(merger.go_on(whole));
}

class MergerTest : public testing::Test {
 protected:
  // Two pages of equal content, published and mapped by both.
  FrameId share(PageId a, PageId b, Digest digest) {
    EXPECT_EQ(merger_.offer(a, digest), Outcome::done);
    EXPECT_EQ(merger_.offer(b, digest), Outcome::done);
    const auto frame = merger_.donated(b, digest);
    EXPECT_TRUE(frame);
    if (frame) publish(merger_, *frame);
    EXPECT_EQ(merger_.answered(a, Answer::kept), Outcome::done);
    EXPECT_EQ(merger_.answered(b, Answer::kept), Outcome::done);
    static_cast<void>(merger_.take_orders());
    return frame.value_or(FrameId{});
  }

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

// One user's pages take turns, whatever they are.
class InTurns : public testing::Test {
 protected:
  static constexpr std::uint32_t pages = 3000;
  static constexpr std::uint64_t steps = 100;

  // As often as it takes; says how often that was.
  template <typename Act>
  static int turns(Act act) {
    for (int turns = 1;; ++turns) {
      Turn turn(steps);
      if (act(turn)) return turns;
    }
  }

  Merger merger_{10'000};
  PageId guest_ = merger_.add_guest(pages);
  PageId other_ = merger_.add_guest(pages);
};

TEST_F(InTurns, AFrameThatManyWaitForIsGrantedByAndBy) {
  for (std::uint32_t i = 0; i < pages; ++i) ASSERT_EQ(merger_.offer({guest_.value + i}, {1}), Outcome::done);
  const PageId donor = merger_.take_orders().donations.at(0).page;
  const auto frame = merger_.donated(donor, {1});
  ASSERT_TRUE(frame);
  Turn turn(steps);
  merger_.publish(*frame, turn);
  std::size_t granted = merger_.take_orders().grants.size();
  EXPECT_LE(granted, steps + 1);
  EXPECT_EQ(merger_.records().references(*frame), pages);
  // Meanwhile some change their mind, and newcomers are granted it at once.
  std::uint32_t withdrawn = 0;
  for (std::uint32_t i = 0; i < pages; i += 7) {
    if (merger_.records().state(PageId{guest_.value + i}) != SharingState::waiting) continue;
    ASSERT_EQ(merger_.withdraw({guest_.value + i}), Outcome::done);
    ++withdrawn;
  }
  ASSERT_GT(withdrawn, 100U);
  ASSERT_EQ(merger_.offer(other_, {1}), Outcome::done);
  ASSERT_EQ(merger_.take_orders().grants.size(), 1U);
  EXPECT_GT(turns([&](Turn& more) {
              const bool done = merger_.go_on(more);
              const std::size_t grants = merger_.take_orders().grants.size();
              EXPECT_LE(grants, steps + 1);
              granted += grants;
              return done;
            }),
            20);
  EXPECT_EQ(granted, pages - withdrawn);
  EXPECT_EQ(merger_.records().references(*frame), pages - withdrawn + 1);
}

TEST_F(InTurns, AFrameThatNobodyWaitsForAnyMoreGoes) {
  for (std::uint32_t i = 0; i < pages; ++i) ASSERT_EQ(merger_.offer({guest_.value + i}, {1}), Outcome::done);
  const PageId donor = merger_.take_orders().donations.at(0).page;
  const auto frame = merger_.donated(donor, {1});
  Turn none(0);
  merger_.publish(*frame, none);
  remove(merger_, guest_, pages);
  EXPECT_EQ(merger_.take_orders().reaped, std::vector<FrameId>{*frame});
  EXPECT_EQ(merger_.counts().pages_pending, 0U);
  Turn turn(steps);
  EXPECT_TRUE(merger_.go_on(turn));
  EXPECT_TRUE(merger_.take_orders().grants.empty());
}

TEST_F(InTurns, AGuestGoesByAndBy) {
  for (std::uint32_t i = 0; i < pages; ++i) ASSERT_EQ(merger_.offer({guest_.value + i}, {i}), Outcome::done);
  std::uint32_t at = 0;
  EXPECT_GT(turns([&](Turn& turn) { return merger_.remove_guest(guest_, pages, at, turn); }), 20);
  EXPECT_EQ(merger_.counts().pages_unshared, 0U);
  EXPECT_EQ(merger_.add_guest(pages), guest_) << "its numbers are free";
}

TEST_F(InTurns, ManySilentDonorsArePassedOverByAndBy) {
  for (std::uint32_t i = 0; i < pages; ++i) ASSERT_EQ(merger_.offer({guest_.value + i}, {i}), Outcome::done);
  for (std::uint32_t i = 0; i < pages; ++i) ASSERT_EQ(merger_.offer({other_.value + i}, {i}), Outcome::done);
  static_cast<void>(merger_.take_orders());
  merger_.pass_over_silent_donors();
  merger_.pass_over_silent_donors();
  std::size_t asked = 0;
  EXPECT_GT(turns([&](Turn& turn) {
              const bool done = merger_.go_on(turn);
              asked += merger_.take_orders().donations.size();
              return done;
            }),
            20);
  EXPECT_EQ(asked, pages);
}

// What a peer can do on purpose: digests that a table without a key puts in one place.
TEST_F(InTurns, ChosenDigestsAreNoMoreWorkThanOthers) {
  Merger merger(10);
  constexpr std::uint32_t many = 50'000;
  const PageId guest = merger.add_guest(many);
  for (std::uint32_t i = 0; i < many; ++i) {
    ASSERT_EQ(merger.offer({guest.value + i}, {std::uint64_t{i} << 32 | 7}), Outcome::done);
  }
  remove(merger, guest, many);
  EXPECT_LT(merger.index_probes(), many * 50ULL);
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
