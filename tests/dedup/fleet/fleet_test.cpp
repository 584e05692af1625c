// SPDX-License-Identifier: Apache-2.0
// Agents and daemon together: what one pass after the other does to guests' memory and to the figures.
#include <gtest/gtest.h>
#include <unistd.h>

#include "base/process_memory.hpp"
#include "tests/dedup/fleet/fleet_fixture.hpp"

namespace samepage::dedup {
namespace {

std::uint64_t pfn(const FleetGuest& guest, std::size_t page) {
  static_cast<void>(*const_cast<const volatile std::byte*>(guest.page(page)));  // populates the table entry
  return pfns_of(::getpid(), reinterpret_cast<std::uint64_t>(guest.page(page)),
                 1)[0];  // SAFETY: only looked up
}

bool may_see_pfns() {
  return ::geteuid() == 0;
}
constexpr const char* pfns_are_roots =
    "all but the physical page numbers was checked: those are for root alone";

TEST_P(FleetTest, EqualPagesOfTwoGuestsBecomeOne) {
  FleetGuest& a = add(8);
  FleetGuest& b = add(8);
  a.fill(1, 42);
  b.fill(6, 42);  // at another address
  fleet_.settle();
  EXPECT_EQ(fleet_.figure("pages_shared"), 1U);
  EXPECT_EQ(fleet_.figure("pages_sharing"), 1U);
  fleet_.check_everything("after the merge");
  if (!may_see_pfns()) GTEST_SKIP() << pfns_are_roots;
  EXPECT_EQ(pfn(a, 1), pfn(b, 6));
}

TEST_P(FleetTest, AWriteBreaksTheSharingForTheWriterAlone) {
  FleetGuest& a = add(8);
  FleetGuest& b = add(8);
  FleetGuest& c = add(8);
  for (FleetGuest* guest : {&a, &b, &c}) guest->fill(1, 42);
  fleet_.settle();
  EXPECT_EQ(fleet_.figure("pages_sharing"), 2U);
  a.write(page_size + 8, 7);
  fleet_.check_everything("after the write");
  fleet_.pass();
  EXPECT_EQ(fleet_.figure("breaks"), 1U);
  EXPECT_EQ(fleet_.figure("pages_sharing"), 1U);
  EXPECT_EQ(a.worker->counters().breaks, 1U);
  if (!may_see_pfns()) GTEST_SKIP() << pfns_are_roots;
  EXPECT_NE(pfn(a, 1), pfn(b, 1));
  EXPECT_EQ(pfn(b, 1), pfn(c, 1));
}

TEST_P(FleetTest, APageThatBecomesEqualAgainIsMergedAgain) {
  FleetGuest& a = add(8);
  FleetGuest& b = add(8);
  a.fill(1, 42);
  b.fill(1, 42);
  fleet_.settle();
  a.fill(1, 43);
  fleet_.settle();
  EXPECT_EQ(fleet_.figure("pages_sharing"), 0U);
  EXPECT_EQ(fleet_.figure("pages_shared"), 1U);  // b still maps it
  a.fill(1, 42);
  fleet_.settle();
  EXPECT_EQ(fleet_.figure("pages_sharing"), 1U);
  fleet_.check_everything("after merging again");
}

TEST_P(FleetTest, ZeroPagesAreGivenBackAndComeBackWhenWritten) {
  FleetGuest& a = add(64);
  for (std::size_t page = 0; page < 64; ++page) a.fill(page, page < 40 ? 0 : page);
  fleet_.settle();
  EXPECT_EQ(fleet_.figure("zero_pages"), 40U);
  EXPECT_EQ(figures_of(std::array{MemoryRegion{Gfn{0}, PageCount{64}, a.ram.data()}}, a.map()).private_bytes,
            24 * page_size);
  fleet_.check_everything("after giving back");
  a.write(5 * page_size, 1);
  fleet_.settle();
  EXPECT_EQ(fleet_.figure("zero_pages"), 39U);
  fleet_.check_everything("after the write");
}

TEST_P(FleetTest, AMergedPageThatIsZeroedIsGivenBackWithoutShowingItsOldFrame) {
  FleetGuest& a = add(8);
  FleetGuest& b = add(8);
  a.fill(1, 42);
  b.fill(1, 42);
  fleet_.settle();
  a.fill(1, 0);
  b.fill(1, 0);  // nobody uses the frame any more
  fleet_.settle();
  EXPECT_EQ(fleet_.figure("pages_shared"), 0U);
  EXPECT_EQ(fleet_.figure("zero_pages"), 2U);
  FleetGuest& c = add(8);
  FleetGuest& d = add(8);
  c.fill(1, 77);
  d.fill(1, 77);  // its number is another frame's now
  fleet_.settle();
  EXPECT_EQ(fleet_.figure("pages_sharing"), 1U);
  fleet_.check_everything("after the frame's number was used again");
}

TEST_P(FleetTest, AChangingPageIsNotOffered) {
  FleetGuest& a = add(8);
  FleetGuest& b = add(8);
  for (std::uint64_t i = 1; i < 6; ++i) {
    a.fill(0, i);
    b.fill(0, i);
    fleet_.pass();
    EXPECT_EQ(fleet_.figure("pages_volatile"), 2U);
    EXPECT_EQ(fleet_.figure("pages_unshared") + fleet_.figure("pages_shared"), 0U);
  }
}

TEST_P(FleetTest, AQuietPageIsMergedWhileItsNeighboursChange) {
  FleetGuest& a = add(64);
  FleetGuest& b = add(64);
  for (FleetGuest* guest : {&a, &b}) guest->fill(30, 42);
  for (std::uint64_t i = 1; i < 6; ++i) {
    for (FleetGuest* guest : {&a, &b})
      guest->fill(10, i), guest->fill(29, i), guest->fill(31, i), guest->fill(50, i);
    fleet_.pass();
  }
  EXPECT_EQ(fleet_.figure("pages_sharing"), 1U);
}

TEST_P(FleetTest, FramesAreReapedWhenTheirLastGuestIsGone) {
  FleetGuest& a = add(16);
  FleetGuest& b = add(16);
  for (std::size_t page = 0; page < 8; ++page) {
    a.fill(page, 1 + page);
    b.fill(page, 1 + page);
  }
  fleet_.settle();
  EXPECT_EQ(fleet_.figure("pages_shared"), 8U);
  fleet_.kill(a);
  fleet_.check_everything("after the first guest's end");
  EXPECT_EQ(fleet_.figure("pages_shared"), 8U);
  fleet_.kill(b);
  EXPECT_EQ(fleet_.figure("pages_shared"), 0U);
  EXPECT_EQ(fleet_.figure("store_bytes"), 0U);
}

TEST_P(FleetTest, WithoutMergingBrokenPagesAreStillToldAndNothingElse) {
  FleetGuest& a = add(16);
  FleetGuest& b = add(16);
  for (FleetGuest* guest : {&a, &b}) {
    for (std::size_t page = 0; page < 4; ++page) guest->fill(page, 7 + page);
    guest->fill(5, 1);
    guest->fill(5, 0);
  }
  fleet_.settle();
  ASSERT_EQ(fleet_.figure("pages_sharing"), 4U);
  ASSERT_EQ(fleet_.figure("zero_pages"), 2U);
  const std::uint64_t scans = fleet_.figure("full_scans");
  for (FleetGuest* guest : {&a, &b}) {
    for (std::size_t page = 0; page < 4; ++page) guest->fill(page, 100);  // all could be shared again
    guest->fill(5, 100);
  }
  const auto look = [&] {
    for (FleetGuest* guest : {&a, &b}) guest->worker->look_for_breaks();
    fleet_.exchange_messages();
  };
  for (int i = 0; i < 3; ++i) look();
  fleet_.check_references("after all pages were written");
  EXPECT_EQ(fleet_.figure("pages_shared"), 0U);
  EXPECT_EQ(fleet_.figure("store_bytes"), 0U);
  EXPECT_EQ(fleet_.figure("zero_pages"), 0U);
  EXPECT_EQ(fleet_.figure("breaks"), 10U);
  EXPECT_EQ(fleet_.figure("full_scans"), scans);
  fleet_.settle();
  EXPECT_EQ(fleet_.figure("pages_sharing"), 9U);
  fleet_.check_everything("after merging went on");
}

TEST_P(FleetTest, DuplicatesInsideOneGuestAreMergedToo) {
  FleetGuest& a = add(32);
  for (std::size_t page = 0; page < 32; ++page) a.fill(page, 9);
  fleet_.settle();
  EXPECT_EQ(fleet_.figure("pages_shared"), 1U);
  EXPECT_EQ(fleet_.figure("pages_sharing"), 31U);
  fleet_.check_everything("after the merge");
}

TEST_P(FleetTest, TheGuestIsHeldWheneverItsPagesAreReplaced) {
  FleetGuest& a = add(8);
  FleetGuest& b = add(8);
  a.fill(0, 5);
  b.fill(0, 5);
  EXPECT_EQ(a.barrier.holds(), 0U);
  fleet_.settle();
  EXPECT_GE(a.barrier.holds(), 1U);
  EXPECT_EQ(a.barrier.holds(), a.worker->counters().holds);
}

INSTANTIATE_TEST_SUITE_P(Tracked, FleetTest, all_trackers(), kind_of);

TEST(Domains, TwoDomainsShareNothing) {
  Fleet fleet;
  FleetGuest& a = fleet.add(8, {.domain = "tenant-a"});
  FleetGuest& b = fleet.add(8, {.domain = "tenant-b"});
  a.fill(1, 42);
  b.fill(1, 42);
  fleet.settle();
  EXPECT_EQ(fleet.figure("pages_shared"), 0U);
  EXPECT_EQ(fleet.figure("pages_unshared"), 2U);
}

TEST(Domains, ZeroOnlyGivesZeroPagesBackAndSharesNothing) {
  Fleet fleet;
  const GuestOptions options{.domain = "default", .sharing = Sharing::zero_only};
  FleetGuest& a = fleet.add(8, options);
  FleetGuest& b = fleet.add(8);
  for (FleetGuest* guest : {&a, &b}) {
    guest->fill(0, 42);
    guest->fill(1, 0);
  }
  fleet.settle();
  EXPECT_EQ(fleet.figure("pages_shared"), 0U);
  EXPECT_EQ(fleet.figure("zero_pages"), 2U);
  EXPECT_TRUE(a.intact() && b.intact());
}

}  // namespace
}  // namespace samepage::dedup
