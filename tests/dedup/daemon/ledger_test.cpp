// SPDX-License-Identifier: Apache-2.0
#include "dedup/daemon/ledger.hpp"

#include <gtest/gtest.h>

#include <random>
#include <set>
#include <vector>

#include "tests/dedup/daemon/some_room.hpp"

namespace samepage::dedup {
namespace {

// What the head of ledger.hpp promises, counted anew from the records of all pages and frames.
void audit(Ledger& ledger, PageId first, std::uint32_t pages) {
  const FrameRefs& records = ledger.records();
  SharingCounts counted;
  counted.frame_dups = ledger.counts().frame_dups;
  counted.slots = ledger.counts().slots;
  std::set<Digest> contents;
  std::vector<std::uint32_t> references(records.frames_end());
  for (PageId page = first; page.value < first.value + pages; ++page.value) {
    const SharingState state = records.state(page);
    counted.pages_unshared += state == SharingState::unshared ? 1U : 0U;
    const bool mapped =
        state == SharingState::merged || state == SharingState::cold || state == SharingState::moving;
    if (mapped) ++(is_slot(records.frame(page)) ? counted.pages_paged : counted.pages_merged);
    counted.pages_pending += state == SharingState::waiting || state == SharingState::granted ? 1U : 0U;
    if (records.is_linked(page)) {
      const FrameId frame = records.frame(page);
      if (is_slot(frame)) {
        contents.insert(records.digest(frame));
      } else {
        ++references[frame.value];
      }
    }
    if (state != SharingState::unshared) continue;
    EXPECT_TRUE(contents.insert(records.digest(page)).second) << "two pages of one content are unshared";
    EXPECT_EQ(ledger.find(records.digest(page)), Sighting::of(page));
  }
  for (FrameId frame; frame.value < records.frames_end(); frame = frame + 1) {
    if (records.state(frame) == FrameState::free) continue;
    counted.pages_shared += records.state(frame) == FrameState::published ? 1U : 0U;
    contents.insert(records.digest(frame));
    const auto seen = ledger.find(records.digest(frame));
    ASSERT_TRUE(seen && seen->is_frame());
    EXPECT_EQ(records.digest(seen->frame()), records.digest(frame));
    EXPECT_EQ(records.references(frame), references[frame.value]);
  }
  EXPECT_EQ(ledger.contents(), contents.size());
  EXPECT_EQ(ledger.counts(), counted);
}

class LedgerTest : public testing::Test {
 protected:
  static constexpr std::uint32_t pages = 64;

  [[nodiscard]] PageId page(std::uint32_t n) const { return {first_.value + n}; }
  void note(std::uint32_t n, Digest digest) {
    ASSERT_TRUE(ledger_.prepare(page(n)));
    ledger_.note_unshared(page(n), digest);
  }
  void expect_sound() { audit(ledger_, first_, pages); }

  Ledger ledger_{1000};
  PageId first_ = ledger_.add_pages(pages);
};

TEST_F(LedgerTest, AnUnsharedPageIsFoundUntilItIsForgotten) {
  note(3, {7});
  expect_sound();
  EXPECT_EQ(ledger_.find({7}), Sighting::of(page(3)));
  ledger_.forget_unshared(page(3));
  expect_sound();
  EXPECT_FALSE(ledger_.find({7}));
  EXPECT_EQ(ledger_.records().state(page(3)), SharingState::none);
}

TEST_F(LedgerTest, AFrameTakesAnUnsharedPagesPlaceInTheIndex) {
  note(3, {7});
  const auto frame = ledger_.open_frame_for(page(3));
  ASSERT_TRUE(frame);
  expect_sound();
  EXPECT_EQ(ledger_.find({7}), Sighting::of(*frame));
  EXPECT_EQ(ledger_.records().state(page(3)), SharingState::waiting);
}

TEST_F(LedgerTest, AFrameWithoutBytesLeavesItsLastPageUnshared) {
  note(3, {7});
  const FrameId frame = *ledger_.open_frame_for(page(3));
  ledger_.wait(page(4), frame);
  EXPECT_EQ(ledger_.release(page(4)), 1U);
  ledger_.close_waiting(frame);
  expect_sound();
  EXPECT_EQ(ledger_.find({7}), Sighting::of(page(3)));
  EXPECT_EQ(ledger_.records().state(frame), FrameState::free);
}

TEST_F(LedgerTest, AFrameThatNobodyWaitsForTakesItsContentAlong) {
  ASSERT_TRUE(ledger_.prepare(page(3)));
  const FrameId frame = *ledger_.open_frame({7});
  ledger_.wait(page(3), frame);
  EXPECT_EQ(ledger_.release(page(3)), 0U);
  ledger_.close_waiting(frame);
  expect_sound();
  EXPECT_EQ(ledger_.contents(), 0U);
}

TEST_F(LedgerTest, APageIsCountedWhereItIs) {
  note(3, {7});
  const FrameId frame = *ledger_.open_frame_for(page(3));
  ledger_.wait(page(4), frame);
  EXPECT_EQ(ledger_.counts().pages_pending, 2U);
  ledger_.publish(frame);
  for (auto waits = ledger_.records().next_waiting(frame); waits;
       waits = ledger_.records().next_waiting(frame)) {
    EXPECT_GT(ledger_.grant_waiting(*waits, frame), 0U);
    expect_sound();
  }
  ledger_.grant(page(5), frame);
  EXPECT_EQ(ledger_.counts().pages_pending, 3U);
  ledger_.confirm(page(4));
  EXPECT_EQ(ledger_.counts().pages_pending, 2U);
  EXPECT_EQ(ledger_.counts().pages_merged, 1U);
  expect_sound();
  EXPECT_EQ(ledger_.release(page(4)), 2U);
  EXPECT_EQ(ledger_.counts().pages_merged, 0U);
  EXPECT_EQ(ledger_.release(page(3)), 1U);
  EXPECT_EQ(ledger_.release(page(5)), 0U);
  ledger_.reap(frame);
  expect_sound();
  EXPECT_EQ(ledger_.counts(), SharingCounts{});
}

TEST_F(LedgerTest, AContentOutlivesOneOfItsFrames) {
  note(3, {7});
  const FrameId frame = *ledger_.open_frame_for(page(3));
  ledger_.publish(frame);
  const FrameId dup = *ledger_.reserve_run(4);
  ASSERT_TRUE(ledger_.open_dup(dup, {7}));
  ledger_.publish_dup(dup);
  expect_sound();
  EXPECT_EQ(ledger_.grant_waiting(page(3), dup), 0U);
  ledger_.reap_one_of(frame, dup, FrameNumber::freed);
  expect_sound();
  EXPECT_EQ(ledger_.find({7}), Sighting::of(dup));
  EXPECT_EQ(ledger_.counts().frame_dups, 0U);
  EXPECT_EQ(ledger_.release(page(3)), 0U);
  ledger_.reap(dup, FrameNumber::stays_reserved);
  ledger_.unreserve_run(dup, 4);
  expect_sound();
  EXPECT_EQ(ledger_.records().frames_end(), 0U);
}

TEST_F(LedgerTest, AContentMovesToASlotAndIsFoundInOnePlaceAllTheWay) {
  SomeRoom room(4);
  Ledger ledger(1000, nullptr, &room);
  const PageId first = ledger.add_pages(8), second = first + 1;
  ASSERT_TRUE(ledger.prepare(first));
  const FrameId frame = *ledger.open_frame({7});
  ledger.publish(frame);
  for (const PageId page : {first, second}) {
    ledger.grant(page, frame);
    ledger.confirm(page);
    ledger.cool(page);
  }
  audit(ledger, first, 8);
  EXPECT_EQ(ledger.records().cold(frame), 2U);
  const FrameId slot = *ledger.open_twin(frame);
  EXPECT_EQ(ledger.twins_under_way(), 1U);
  EXPECT_EQ(ledger.find({7}), Sighting::of(frame));
  audit(ledger, first, 8);
  ledger.publish_twin(frame);
  EXPECT_EQ(ledger.twins_under_way(), 0U);
  EXPECT_EQ(ledger.find({7}), Sighting::of(slot));
  audit(ledger, first, 8);
  ledger.send(first);
  ledger.send(second);
  ledger.arrive(first);
  audit(ledger, first, 8);
  EXPECT_EQ(ledger.counts().pages_paged, 1U);
  ledger.stay(second);
  EXPECT_EQ(ledger.release(first), 0U);
  ledger.take_back(frame);
  EXPECT_EQ(ledger.find({7}), Sighting::of(frame));
  EXPECT_TRUE(room.taken().empty());
  audit(ledger, first, 8);

  ledger.cool(second);
  ASSERT_TRUE(ledger.open_twin(frame));
  ledger.publish_twin(frame);
  ledger.send(second);
  ledger.leave_for_twin(second);
  EXPECT_EQ(ledger.counts().pages_pending, 1U);
  ledger.reap_moved(frame);
  audit(ledger, first, 8);
  ledger.confirm(second);
  const FrameId last = ledger.records().frame(second);
  EXPECT_TRUE(is_slot(last));
  EXPECT_EQ(ledger.release(second), 0U);
  ledger.reap(last);
  EXPECT_EQ(ledger.counts(), SharingCounts{});
  EXPECT_EQ(ledger.contents(), 0U);
}

TEST_F(LedgerTest, FramesAreNeighboursInTheOrderInWhichTheyAreOpened) {
  for (std::uint32_t n = 0; n < 8; ++n) note(n, {n});
  for (std::uint32_t n = 1; n < 8; ++n) {
    const FrameId before = *ledger_.open_frame_for(page(n));
    ASSERT_TRUE(ledger_.prepare(page(n + 20)));
    EXPECT_EQ(ledger_.open_frame({n + 100}), before + 1);
  }
}

TEST_F(LedgerTest, WithoutRoomNothingChanges) {
  Account none(0);
  Ledger ledger(1000, &none);
  const PageId first = ledger.add_pages(8);
  EXPECT_FALSE(ledger.prepare(first));
  Ledger small(0);
  const PageId alone = small.add_pages(8);
  ASSERT_TRUE(small.prepare(alone));
  small.note_unshared(alone, {7});
  EXPECT_FALSE(small.open_frame_for(alone));
  EXPECT_FALSE(small.open_frame({8}));
  audit(small, alone, 8);
  EXPECT_EQ(small.find({7}), Sighting::of(alone));
}

TEST_F(LedgerTest, IndexAndRecordsAgreeAfterAnyOrderOfSteps) {
  std::mt19937 random(5);
  for (int step = 0; step < 20'000; ++step) {
    const PageId at = page(random() % pages);
    const Digest digest{random() % 12};
    switch (ledger_.records().state(at)) {
      case SharingState::none: {
        ASSERT_TRUE(ledger_.prepare(at));
        const auto seen = ledger_.find(digest);
        if (!seen && random() % 2 == 0) {
          ledger_.note_unshared(at, digest);
        } else if (!seen || !seen->is_frame()) {
          const auto frame = seen ? ledger_.open_frame_for(seen->page()) : ledger_.open_frame(digest);
          ledger_.wait(at, frame.value());
        } else if (ledger_.records().state(seen->frame()) == FrameState::published) {
          ledger_.grant(at, seen->frame());
        } else {
          ledger_.wait(at, seen->frame());
        }
        break;
      }
      case SharingState::unshared:
        ledger_.forget_unshared(at);
        break;
      case SharingState::waiting: {
        const FrameId frame = ledger_.records().frame(at);
        if (ledger_.records().state(frame) == FrameState::published) {
          EXPECT_GT(ledger_.grant_waiting(at, frame), 0U);
        } else if (random() % 2 == 0) {
          ledger_.publish(frame);
        } else if (ledger_.release(at) <= 1) {
          ledger_.close_waiting(frame);
        }
        break;
      }
      case SharingState::granted:
        if (random() % 2 == 0) {
          ledger_.confirm(at);
          break;
        }
        [[fallthrough]];
      case SharingState::merged: {
        const FrameId frame = ledger_.records().frame(at);
        if (ledger_.release(at) == 0) ledger_.reap(frame);
        break;
      }
      case SharingState::cold:
      case SharingState::moving:
        FAIL() << "nothing goes out here";
    }
    if (step % 16 == 0) expect_sound();
    if (HasFailure()) FAIL() << "step " << step;
  }
}

TEST(LedgerDeathTest, StepsThatTheStatesForbidEndTheProcess) {
  Ledger ledger(10);
  const PageId first = ledger.add_pages(4), second{first.value + 1};
  ASSERT_TRUE(ledger.prepare(first));
  ledger.note_unshared(first, {7});
  EXPECT_DEATH(static_cast<void>(ledger.release(first)), "does not share");
  const FrameId frame = *ledger.open_frame_for(first);
  EXPECT_DEATH(ledger.wait(first, frame), "joins a second frame");
  ledger.wait(second, frame);
  EXPECT_DEATH(ledger.close_waiting(frame), "pages wait for");
  EXPECT_DEATH(ledger.forget_unshared(first), "lost an entry");
  ledger.publish(frame);
  EXPECT_DEATH(ledger.publish(frame), "published twice");
  EXPECT_DEATH(ledger.reap(frame), "frame in use is released");
}

}  // namespace
}  // namespace samepage::dedup
