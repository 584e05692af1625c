// SPDX-License-Identifier: Apache-2.0
// Agents and daemon together: what one pass after the other does to guests' memory and to the figures.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <nlohmann/json.hpp>
#include <set>

#include "base/check.hpp"
#include "base/process_memory.hpp"
#include "dedup/agent/heat.hpp"
#include "tests/dedup/fleet.hpp"

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

class FleetTest : public testing::TestWithParam<GuestOptions> {
 protected:
  FleetGuest& add(std::size_t pages) { return fleet_.add(pages, GetParam()); }
  Fleet fleet_;
};

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

TEST_P(FleetTest, ADiscardedPageIsGoneAtOnceAndItsReferenceWithIt) {
  FleetGuest& a = add(8);
  FleetGuest& b = add(8);
  for (FleetGuest* guest : {&a, &b}) {
    guest->fill(1, 42);
    guest->fill(2, 43);
  }
  fleet_.settle();
  EXPECT_EQ(fleet_.figure("pages_sharing"), 2U);
  a.fill(3, 44);      // not shared with anybody
  a.discard(0, 100);  // more than there is
  fleet_.check_everything("after a has given all up");
  for (const PageMapRun& run : a.map()) EXPECT_NE(run.state, PageState::frame);
  fleet_.exchange_messages();
  fleet_.check_everything("after the daemon has heard of it");
  EXPECT_EQ(fleet_.figure("pages_shared"), 2U);
  EXPECT_EQ(fleet_.figure("pages_sharing"), 0U);
  b.discard(1, 2);
  fleet_.settle();
  EXPECT_EQ(fleet_.figure("pages_shared"), 0U);
  EXPECT_EQ(fleet_.figure("store_bytes"), 0U);
}

TEST_P(FleetTest, ADiscardedPageIsUsedMergedAndDiscardedAgain) {
  FleetGuest& a = add(8);
  FleetGuest& b = add(8);
  b.fill(5, 42);
  for (int round = 0; round < 5; ++round) {
    a.fill(1, 42);
    fleet_.settle();
    EXPECT_EQ(fleet_.figure("pages_sharing"), 1U);
    a.discard(1, 1);
    fleet_.check_everything("after the page was given up");
    fleet_.settle();
    EXPECT_EQ(fleet_.figure("pages_sharing"), 0U);
  }
}

TEST_P(FleetTest, AnOfferOfADiscardedPageDoesNotStand) {
  FleetGuest& a = add(8);
  a.fill(1, 42);
  fleet_.settle();
  EXPECT_EQ(fleet_.figure("pages_unshared"), 1U);
  a.discard(1, 1);
  fleet_.settle();
  EXPECT_EQ(fleet_.figure("pages_unshared"), 0U);
}

TEST_P(FleetTest, AGivenBackPageThatIsDiscardedIsNoSaving) {
  FleetGuest& a = add(8);
  a.fill(1, 42);
  a.fill(1, 0);
  fleet_.settle();
  EXPECT_EQ(fleet_.figure("zero_pages"), 1U);
  a.discard(1, 1);
  fleet_.pass();
  EXPECT_EQ(fleet_.figure("zero_pages"), 0U);
}

TEST_P(FleetTest, WhatIsNoMemoryCannotBeDiscarded) {
  FleetGuest& a = add(8);
  a.fill(7, 42);
  a.worker->discard(std::array{GfnRange{Gfn{8}, PageCount{1000}}, GfnRange{Gfn{1U << 30U}, PageCount{1}}});
  fleet_.check_everything("after nothing was given up");
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

TEST_P(FleetTest, NeighbouringPagesAreOneMapping) {
  FleetGuest& a = add(64);
  FleetGuest& b = add(64);
  for (std::size_t page = 0; page < 32; ++page) {
    a.fill(page, 100 + page);
    b.fill(page, 100 + page);
  }
  fleet_.settle();
  EXPECT_EQ(fleet_.figure("pages_sharing"), 32U);
  // The region's run and what is left of its mapping.
  EXPECT_LE(a.map().front().range.pages.value, 32U);
  EXPECT_LE(fleet_.figure("vmas"), 4U);
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

TEST_P(FleetTest, AClosedSocketIsNoEndOfAGuest) {
  FleetGuest& a = add(8);
  FleetGuest& b = add(8);
  FleetGuest& c = add(8);
  a.fill(1, 42);
  b.fill(1, 42);
  fleet_.settle();
  // The agents stop; the memory is still mapped, and the frame must stay as it is.
  const Mapping nothing = Mapping::anonymous(page_size);
  const std::vector<MemoryRegion> elsewhere{{Gfn{0}, PageCount{1}, nothing.data()}};
  a.worker = std::make_unique<Worker>(AgentConfig{}, elsewhere, a.barrier);
  b.worker = std::make_unique<Worker>(AgentConfig{}, elsewhere, b.barrier);
  fleet_.poll_daemon();
  EXPECT_EQ(fleet_.figure("pages_shared"), 1U);
  for (std::size_t page = 0; page < 8; ++page) c.fill(page, 500);  // would take the frame's place
  for (int i = 0; i < 3; ++i) {
    c.worker->run_pass();
    fleet_.poll_daemon();
    c.worker->handle_messages();
  }
  EXPECT_TRUE(a.intact() && b.intact() && c.intact());
}

TEST_P(FleetTest, AGuestThatFindsItsDaemonAgainKeepsWhatItMapsAndNothingElse) {
  FleetGuest& a = add(32);
  FleetGuest& b = add(32);
  for (FleetGuest* guest : {&a, &b}) {
    for (std::size_t page = 0; page < 20; ++page) guest->fill(page, 100 + page);
  }
  fleet_.settle();
  ASSERT_EQ(fleet_.figure("pages_sharing"), 20U);
  for (int round = 0; round < 20; ++round) {
    for (FleetGuest* guest : {&a, &b}) guest->worker->lose_daemon();
    // What the guests do meanwhile nobody tells the daemon.
    a.fill(static_cast<std::size_t>(round), 1000);
    b.discard(static_cast<std::size_t>(round), 1);
    fleet_.check_everything("while the daemon is lost");
    for (FleetGuest* guest : {&a, &b}) fleet_.rejoin(*guest);
    fleet_.check_everything("after both are back");
    fleet_.settle();
    fleet_.check_references("in round " + std::to_string(round));
    fleet_.check_everything("after a pass");
  }
  EXPECT_EQ(fleet_.figure("pages_shared"), 1U);  // a's own copies of the content that it wrote
  EXPECT_TRUE(a.worker->counters().lost_stores.empty());
}

// Grants that the agent did not hear of, and merges that the daemon did not.
TEST_P(FleetTest, WhatWasUnderWayWhenTheDaemonWasLostIsSettledAtTheNextJoin) {
  FleetGuest& a = add(16);
  FleetGuest& b = add(16);
  for (FleetGuest* guest : {&a, &b}) {
    for (std::size_t page = 0; page < 16; ++page) guest->fill(page, 7 + page);
  }
  fleet_.pass();
  a.worker->run_pass();
  b.worker->run_pass();
  fleet_.poll_daemon();
  b.worker->handle_messages();
  a.worker->handle_messages();  // who donates does so, and the frames are granted
  fleet_.poll_daemon();
  EXPECT_EQ(fleet_.figure("pages_pending"), 32U);
  a.worker->handle_messages();  // maps, and nobody reads that it did
  a.worker->lose_daemon();
  b.worker->lose_daemon();
  EXPECT_EQ(a.frames_mapped(), 16U);
  for (FleetGuest* guest : {&b, &a}) fleet_.rejoin(*guest);
  EXPECT_EQ(fleet_.figure("pages_shared"), 16U);
  EXPECT_EQ(fleet_.figure("pages_sharing"), 0U);
  fleet_.check_references("after both are back");
  fleet_.settle();
  EXPECT_EQ(fleet_.figure("pages_sharing"), 16U);
  fleet_.check_everything("after all was merged");
}

TEST_P(FleetTest, BreaksAreCountedOnceHoweverOftenTheDaemonIsLost) {
  FleetGuest& a = add(8);
  FleetGuest& b = add(8);
  a.fill(1, 42);
  b.fill(1, 42);
  fleet_.settle();
  a.fill(1, 43);
  fleet_.settle();
  ASSERT_EQ(fleet_.figure("breaks"), 1U);
  for (int round = 0; round < 3; ++round) {
    a.worker->lose_daemon();
    fleet_.rejoin(a);
    fleet_.settle();
  }
  EXPECT_EQ(fleet_.figure("breaks"), 1U);
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

TEST_P(FleetTest, WhenMappingsAreScarceBrokenRunsMakeRoomForOthers) {
  GuestOptions options = GetParam();
  options.vma_limit = 16;
  FleetGuest& a = fleet_.add(128, options);
  FleetGuest& b = add(128);
  // Every other page, so that each merge takes mappings.
  for (std::size_t page = 0; page < 60; page += 2) {
    a.fill(page, 100 + page);
    b.fill(page, 100 + page);
  }
  fleet_.settle();
  const std::size_t at_first = a.frames_mapped();
  EXPECT_GT(at_first, 0U);
  EXPECT_LT(at_first, 30U);  // no more than there are mappings for
  for (std::size_t page = 0; page < 60; page += 2) a.fill(page, 1000 + page);  // all of them break
  fleet_.settle();
  EXPECT_EQ(a.frames_mapped(), 0U);
  fleet_.check_everything("after the runs were unmerged");
  for (std::size_t page = 64; page < 80; ++page) {
    a.fill(page, 100 + page);
    b.fill(page, 100 + page);
  }
  for (int i = 0; i < 3; ++i) fleet_.settle();
  EXPECT_EQ(a.frames_mapped(), 16U);
  fleet_.check_everything("after others took their place");
}

TEST_P(FleetTest, AGuestCannotTakeAllMappingsByTearingARunApart) {
  GuestOptions options = GetParam();
  options.vma_limit = 16;
  FleetGuest& a = fleet_.add(128, options);
  FleetGuest& b = add(128);
  for (std::size_t page = 0; page < 64; ++page) {
    a.fill(page, 100 + page);
    b.fill(page, 100 + page);
  }
  fleet_.settle();
  ASSERT_EQ(a.frames_mapped(), 64U);
  const auto mappings = [&] {
    const auto start = reinterpret_cast<std::uint64_t>(a.ram.data());  // SAFETY: compared, never followed
    return mappings_in(start, start + a.ram.size()).size();
  };
  for (std::size_t page = 0; page < 64; page += 2) a.fill(page, 0);
  for (int i = 0; i < 3; ++i) fleet_.settle();
  EXPECT_LE(mappings(), 24U);
  fleet_.check_memory("after every other page became zero");
  std::vector<GfnRange> given_up;
  for (std::uint64_t page = 1; page < 64; page += 4) given_up.push_back({Gfn{page}, PageCount{1}});
  a.worker->discard(given_up);
  EXPECT_LE(mappings(), 24U);
}

// Guests that lost a daemon and have joined another: their pages go on to its store or to memory of their
// own.
TEST_P(FleetTest, TheStoreOfALostDaemonIsLeftWithinAFewPasses) {
  FleetGuest& a = add(64);
  FleetGuest& b = add(64);
  fleet_.load(a, 40, {500, 501, 502});  // frames that nobody else has
  for (std::size_t page = 0; page < 16; ++page) {
    a.fill(page, 100 + page);
    b.fill(page, 100 + page);
  }
  fleet_.settle();
  ASSERT_EQ(a.frames_mapped(), 19U);
  a.write(3 * page_size, 1);  // broken: the guest's own, in a mapping of the store
  Fleet next;
  for (FleetGuest* guest : {&a, &b}) {
    guest->worker->lose_daemon();
    next.rejoin(*guest);
  }
  const auto stores_mapped = [](const FleetGuest& guest) {
    const std::uint64_t start = address_of(guest.ram.data());
    std::set<std::uint64_t> inodes;
    for (const MappedRange& range : mappings_in(start, start + guest.ram.size())) {
      if (range.inode != 0) inodes.insert(range.inode);
    }
    return inodes.size();
  };
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  const auto left = [&] { return stores_mapped(a) == 1 && a.worker->counters().lost_stores.empty(); };
  for (int i = 0; i < 6 || (!left() && std::chrono::steady_clock::now() < deadline); ++i) {
    for (FleetGuest* guest : {&a, &b}) next.while_daemon_answers([&] { guest->worker->run_pass(); });
    for (FleetGuest* guest : {&a, &b}) next.while_daemon_answers([&] { guest->worker->handle_messages(); });
    fleet_.check_memory("with the second daemon");
  }
  EXPECT_EQ(stores_mapped(a), 1U);
  EXPECT_EQ(stores_mapped(b), 1U);
  EXPECT_TRUE(a.worker->counters().lost_stores.empty());
  EXPECT_EQ(next.figure("pages_shared"), 15U);
  EXPECT_EQ(next.figure("pages_sharing"), 15U);
  EXPECT_EQ(a.frames_mapped(), 15U);
}

INSTANTIATE_TEST_SUITE_P(Tracked, FleetTest, testing::Values(write_protection, rehash, old_kernel), kind_of);

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

TEST(WriteTrackedFleet, AZeroPageIsGivenBackAtTheFirstLookAndLaterOnlyWhenItIsQuiet) {
  Fleet fleet;
  FleetGuest& guest = fleet.add(8);
  if (!guest.worker->tracks_writes()) GTEST_SKIP() << "asynchronous write protection needs Linux 6.7";
  guest.fill(1, 0);
  guest.fill(2, 42);
  fleet.pass();
  EXPECT_EQ(fleet.figure("zero_pages"), 1U);
  fleet.check_everything("after the first look");
  for (int round = 0; round < 3; ++round) {
    guest.fill(1, 42);
    guest.fill(1, 0);  // a page that the guest uses and clears
    fleet.pass();
    EXPECT_EQ(fleet.figure("zero_pages"), 0U);
  }
  fleet.pass();
  EXPECT_EQ(fleet.figure("zero_pages"), 1U);
  fleet.check_everything("after it was quiet");
}

TEST(WriteTrackedFleet, MemoryThatCannotBeTrackedCostsTheRestNothing) {
  Fleet fleet;
  FleetGuest& a = fleet.add(512);
  FleetGuest& b = fleet.add(512);
  if (!a.worker->tracks_writes()) GTEST_SKIP() << "asynchronous write protection needs Linux 6.7";
  for (std::size_t page = 0; page < 8; ++page) {
    a.fill(page, 100 + page);
    b.fill(page, 100 + page);
  }
  fleet.settle();
  ASSERT_EQ(fleet.figure("pages_sharing"), 8U);
  // A mapping of the merged pages 4 to 7 and of some behind them that belongs to another userfaultfd, which
  // is not an asynchronous one.
  UniqueFd other(static_cast<int>(::syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK | UFFD_USER_MODE_ONLY)));
  uffdio_api api{.api = UFFD_API, .features = 0, .ioctls = 0};
  if (::ioctl(other.get(), UFFDIO_API, &api) != 0) GTEST_SKIP() << "no userfaultfd to be had";
  // SAFETY: memory of this test's guest, whose shadow is told.
  ASSERT_NE(::mmap(a.page(6), 4 * page_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED | MAP_ANONYMOUS,
                   -1, 0),
            MAP_FAILED);
  uffdio_register request{};
  request.range = {address_of(a.page(6)), 4 * page_size};
  request.mode = UFFDIO_REGISTER_MODE_WP;
  ASSERT_EQ(::ioctl(other.get(), UFFDIO_REGISTER, &request), 0);
  for (std::size_t page = 6; page < 10; ++page) a.fill(page, 200 + page);
  for (std::size_t page = 300; page < 310; ++page) {
    a.fill(page, 300 + page);
    b.fill(page, 300 + page);
  }
  for (int i = 0; i < 3; ++i) fleet.settle();
  EXPECT_TRUE(a.worker->connected());
  fleet.check_everything("with untracked memory");
  EXPECT_EQ(fleet.figure("pages_sharing"), 6U + 10U);  // the writes to pages 6 and 7 were seen
  other.reset();
  for (const std::size_t page : {9U, 400U}) {
    a.fill(page, 999);
    b.fill(page, 999);
  }
  for (int i = 0; i < 3; ++i) fleet.settle();
  fleet.check_everything("when it can be tracked again");
  EXPECT_EQ(fleet.figure("pages_sharing"), 6U + 10U + 3U);
}

TEST(WriteTrackedFleet, ARangeThatWasHotIsLookedAtWhenSomebodyAsks) {
  Fleet fleet;
  FleetGuest& a = fleet.add(4 * Heat::range_pages);
  FleetGuest& b = fleet.add(4 * Heat::range_pages);
  if (!a.worker->tracks_writes()) GTEST_SKIP() << "asynchronous write protection needs Linux 6.7";
  for (std::uint64_t pass = 1; pass < 20; ++pass) {
    for (FleetGuest* guest : {&a, &b}) {
      for (std::size_t page = 0; page < 200; ++page) guest->fill(page, 1000 * pass + page);
    }
    fleet.pass();
  }
  EXPECT_EQ(fleet.figure("pages_sharing"), 0U);
  for (int pass = 0; pass < 2; ++pass) {
    a.worker->look_everywhere();
    b.worker->look_everywhere();
    fleet.pass();
  }
  EXPECT_EQ(fleet.figure("pages_sharing"), 200U);
  fleet.check_everything("after the guests went quiet");
}

TEST(Stops, AreMadeAtRealTimePriorityWhereThatIsAllowed) {
  sched_param parameters{};
  const int former = ::sched_getscheduler(0);
  parameters.sched_priority = 1;
  if (::sched_setscheduler(0, SCHED_FIFO, &parameters) != 0)
    GTEST_SKIP() << "needs CAP_SYS_NICE or RLIMIT_RTPRIO";
  parameters.sched_priority = 0;
  ASSERT_EQ(::sched_setscheduler(0, former, &parameters), 0);
  Fleet fleet;
  FleetGuest& guest = fleet.add(8);
  guest.fill(1, 42);
  guest.fill(1, 0);
  fleet.settle();
  ASSERT_EQ(fleet.figure("zero_pages"), 1U);
  EXPECT_EQ(guest.barrier.policy(), SCHED_FIFO);
  EXPECT_EQ(::sched_getscheduler(0), former);
}

TEST(Stops, AreFarEnoughFromEachOther) {
  constexpr std::size_t pages = 4096;
  Fleet fleet;
  FleetGuest& a = fleet.add(pages);
  FleetGuest& b = fleet.add(pages);
  for (FleetGuest* guest : {&a, &b}) {
    guest->barrier.stop_somebody();
    // Zero pages apart from each other, and equal ones that no single mapping can carry.
    for (std::size_t page = 0; page < pages; page += 2) {
      const std::size_t content = guest == &a ? page + 1 : pages - page + 1;
      if (page % 32 == 0) guest->fill(page, 1);
      guest->fill(page, page % 32 == 0 ? 0 : content);
    }
  }
  fleet.settle();
  EXPECT_GT(fleet.figure("pages_sharing"), 512U);
  EXPECT_GT(a.barrier.holds() + b.barrier.holds(), 4U);
  EXPECT_TRUE(a.barrier.let_go());
  EXPECT_TRUE(b.barrier.let_go());
  fleet.check_everything("after many stops");
}

}  // namespace
}  // namespace samepage::dedup
