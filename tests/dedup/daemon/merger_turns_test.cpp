// SPDX-License-Identifier: Apache-2.0
// The merger gives every user turns: no request, whatever it is, is more work than a turn at once.
#include <gtest/gtest.h>

#include <vector>

#include "tests/dedup/daemon/merger_steps.hpp"

namespace samepage::dedup {
namespace {

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

}  // namespace
}  // namespace samepage::dedup
