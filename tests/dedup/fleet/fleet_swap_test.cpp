// SPDX-License-Identifier: Apache-2.0
// Guests whose memory the host's kernel swaps out: nothing that is in the swap is taken for shared, quiet,
// untouched or written because it is there. Needs root, for a swap file.
#include <gtest/gtest.h>

#include "base/json.hpp"
#include "base/pagemap.hpp"
#include "tests/base/swap_file.hpp"
#include "tests/dedup/fleet/fleet_fixture.hpp"

namespace samepage::dedup {
namespace {

using State = PageStates::State;

class Swapped : public testing::TestWithParam<GuestOptions> {
 protected:
  void SetUp() override {
    if (!swap_) GTEST_SKIP() << SwapFile::why_not;
  }
  FleetGuest& add(std::size_t pages, std::uint64_t first_content) {
    FleetGuest& guest = fleet_.add(pages, GetParam());
    for (std::size_t page = 0; page < pages; ++page) guest.fill(page, first_content + page);
    return guest;
  }
  static std::span<std::byte> bytes(const FleetGuest& guest, std::size_t first, std::size_t count) {
    return guest.ram.bytes().subspan(first * page_size, count * page_size);
  }
  static void push_out(const FleetGuest& guest, std::size_t first, std::size_t count) {
    if (!swap_out(bytes(guest, first, count))) GTEST_SKIP() << "the kernel does not swap these pages out";
  }
  static std::uint64_t count(const FleetGuest& guest, State state) {
    return guest.worker->states().count(state);
  }
  static std::uint64_t swapped_pages(const FleetGuest& guest) {
    std::uint64_t swapped = 0;
    for (const PageMapRun& run : guest.map())
      swapped += run.state == PageState::swapped ? run.range.pages.value : 0;
    return swapped;
  }

  const SwapFile swap_;
  TemporaryDirectory folder_;
  Fleet fleet_{{}, {folder_.path() + "/file"}};
};

TEST_P(Swapped, ABreakIsSeenThoughItWasSwappedOut) {
  FleetGuest& a = add(20, 1);
  FleetGuest& b = add(20, 1);
  fleet_.settle();
  ASSERT_EQ(fleet_.figure("pages_sharing"), 20U);
  a.write(3 * page_size, 77);
  push_out(a, 3, 1);
  EXPECT_EQ(swapped_pages(a), 1U);
  fleet_.pass();
  EXPECT_EQ(a.worker->counters().breaks, 1U);
  EXPECT_FALSE(any_present(bytes(a, 3, 1))) << "looking reads nothing";
  EXPECT_EQ(swapped_pages(a), 1U) << "it is its own for as long as it is out";
  fleet_.check_references("after a break that is swapped out");
  fleet_.settle();
  EXPECT_EQ(b.frames_mapped(), 20U) << "nobody else's is taken for broken";
  fleet_.check_everything("after more passes");
}

TEST_P(Swapped, ABreakIsSeenWithoutMerging) {
  FleetGuest& a = add(20, 1);
  add(20, 1);
  fleet_.settle();
  a.write(3 * page_size, 77);
  push_out(a, 3, 1);
  a.worker->look_for_breaks();
  fleet_.exchange_messages();
  EXPECT_EQ(a.worker->counters().breaks, 1U);
  fleet_.check_references("after a break that is swapped out");
}

TEST_P(Swapped, APageThatWasNeverSeenIsNotUntouched) {
  FleetGuest& guest = fleet_.add(64, GetParam());
  for (std::size_t page = 8; page < 24; ++page) guest.fill(page, page);
  push_out(guest, 8, 16);
  fleet_.pass();
  EXPECT_EQ(count(guest, State::untouched), 64U - 16U);
  EXPECT_EQ(fleet_.figure("committed_bytes"), 16 * page_size);
  EXPECT_FALSE(any_present(bytes(guest, 8, 16)));
}

TEST_P(Swapped, APageThatWasGivenBackAndIsUsedAgainIsCounted) {
  FleetGuest& guest = add(16, 1);
  fleet_.pass();
  guest.discard(4, 4);
  ASSERT_EQ(count(guest, State::discarded), 4U);
  guest.fill(5, 99);
  push_out(guest, 5, 1);
  fleet_.pass();
  EXPECT_EQ(count(guest, State::discarded), 3U);
  fleet_.check_everything("after it was swapped out");
}

TEST_P(Swapped, WhatIsOutIsNotReadToBeHashedAndIsMergedWhenItIsBack) {
  FleetGuest& a = add(20, 1);
  fleet_.pass();  // seen; not quiet for an interval yet
  push_out(a, 0, 20);
  FleetGuest& b = add(20, 1);
  fleet_.settle();
  EXPECT_FALSE(any_present(a.ram.bytes()));
  EXPECT_EQ(fleet_.figure("pages_sharing"), 0U);
  EXPECT_EQ(swapped_pages(a), 20U);
  ASSERT_TRUE(a.intact());  // it reads all of it
  fleet_.settle();
  EXPECT_EQ(fleet_.figure("pages_sharing"), 20U);
  EXPECT_EQ(b.frames_mapped(), 20U);
  fleet_.check_everything("after it came back");
}

TEST_P(Swapped, AWriteBeforeItWentOutIsNotMissedWhenItIsBack) {
  FleetGuest& a = add(20, 1);
  FleetGuest& b = add(20, 100);
  fleet_.settle();
  for (std::size_t page = 0; page < 20; ++page) a.fill(page, 100 + page);
  push_out(a, 0, 20);
  fleet_.pass();
  fleet_.pass();
  ASSERT_TRUE(a.intact());
  fleet_.settle();
  EXPECT_EQ(a.frames_mapped(), 20U);
  EXPECT_EQ(b.frames_mapped(), 20U);
  fleet_.check_everything("after it came back");
}

TEST_P(Swapped, FramesThatTheKernelDropsAreNotBroken) {
  FleetGuest& a = add(20, 1);
  FleetGuest& b = add(20, 1);
  fleet_.settle();
  fleet_.settle();
  for (FleetGuest* const guest : {&a, &b}) ::madvise(guest->ram.data(), guest->ram.size(), MADV_PAGEOUT);
  fleet_.settle();
  EXPECT_EQ(fleet_.figure("breaks"), 0U);
  EXPECT_EQ(swapped_pages(a) + swapped_pages(b), 0U);
  fleet_.check_references("after the kernel has dropped frames");
}

TEST_P(Swapped, WhatIsInTheSwapStaysThereWhenTheRestGoesOut) {
  FleetGuest& guest = add(40, 1);
  fleet_.settle();
  push_out(guest, 0, 10);
  guest.worker->paging().begin(1U << 20U, PageOuts::Which::all);
  fleet_.exchange_messages_until("its pages are out", [&] { return !guest.worker->page_outs().active(); });
  EXPECT_EQ(guest.worker->page_outs().went(), 30U);
  EXPECT_EQ(swapped_pages(guest), 10U);
  EXPECT_EQ(guest.pages_paged(), 30U);
  guest.write(20 * page_size, 5);  // back from the paging file
  guest.write(2 * page_size, 5);   // back from the swap
  push_out(guest, 20, 1);          // and out, the other way
  fleet_.pass();
  EXPECT_EQ(guest.pages_paged(), 29U);
  EXPECT_EQ(guest.worker->counters().came_back, 1U);
  fleet_.check_references("after one came back and was swapped out");
  fleet_.check_everything("after all that");
}

TEST_P(Swapped, WhoeverCopiesItIsToldOfWritesThatWentOut) {
  FleetGuest& guest = add(20, 1);
  guest.write(0, 7);
  push_out(guest, 0, 4);
  if (!guest.worker->begin_watch()) GTEST_SKIP() << "asynchronous write protection needs Linux 6.7";
  const auto written = [&] {
    std::vector<std::uint64_t> pages;
    EXPECT_TRUE(guest.worker->written_since_watch([&](const GfnRange& range) {
      for (std::uint64_t i = 0; i < range.pages.value; ++i) pages.push_back(range.first.value + i);
    }));
    return pages;
  };
  EXPECT_EQ(written(), std::vector<std::uint64_t>{});
  guest.write(2 * page_size, 8);
  push_out(guest, 2, 1);
  EXPECT_EQ(written(), std::vector<std::uint64_t>{2});
}

TEST_P(Swapped, AGuestWhoseDaemonIsLostOffersItWhenItIsBack) {
  FleetGuest& a = add(20, 1);
  FleetGuest& b = add(20, 50);
  fleet_.settle();
  push_out(a, 0, 20);
  a.worker->lose_daemon();
  fleet_.rejoin(a);
  for (std::size_t page = 0; page < 20; ++page) b.fill(page, 1 + page);
  fleet_.settle();
  EXPECT_FALSE(any_present(a.ram.bytes()));
  ASSERT_TRUE(a.intact());
  fleet_.settle();
  EXPECT_EQ(a.frames_mapped(), 20U);
  fleet_.check_everything("at the daemon again");
}

INSTANTIATE_TEST_SUITE_P(Tracked, Swapped, all_trackers(), kind_of);

}  // namespace
}  // namespace samepage::dedup
