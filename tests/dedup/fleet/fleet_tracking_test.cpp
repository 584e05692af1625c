// SPDX-License-Identifier: Apache-2.0
// What write tracking makes of memory that is hot, zero or not to be tracked; and how guests are held.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/userfaultfd.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/check.hpp"
#include "base/process_memory.hpp"
#include "dedup/agent/heat.hpp"
#include "tests/dedup/fleet/fleet.hpp"

namespace samepage::dedup {
namespace {

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

// Mappings are registered where they were replaced, when it is looked at there.
TEST(WriteTrackedFleet, WhatIsMergedInOneRangeIsTrackedThereAndTheRestStaysTracked) {
  constexpr std::size_t range = Heat::range_pages;
  Fleet fleet;
  FleetGuest& a = fleet.add(4 * range);
  FleetGuest& b = fleet.add(4 * range);
  if (!a.worker->tracks_writes()) GTEST_SKIP() << "asynchronous write protection needs Linux 6.7";
  for (std::size_t round = 0; round < 4; ++round) {
    for (const std::size_t at : {round * range, round * range + range / 2, 3 * range + 8}) {
      for (std::size_t page = at; page < at + 4; ++page) {
        a.fill(page, 7 + 10000 * round + page);
        b.fill(page, 7 + 10000 * round + page);
      }
    }
    fleet.settle();
    fleet.check_everything("in round " + std::to_string(round));
    EXPECT_EQ(fleet.figure("pages_sharing"), (round + 1) * 8U + 4U) << round;
  }
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

TEST(Holds, AreMadeAtRealTimePriorityWhereThatIsAllowed) {
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

TEST(Holds, AreFarEnoughFromEachOther) {
  constexpr std::size_t pages = 4096;
  Fleet fleet;
  FleetGuest& a = fleet.add(pages);
  FleetGuest& b = fleet.add(pages);
  for (FleetGuest* guest : {&a, &b}) {
    guest->barrier.run_something();
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
  fleet.check_everything("after many holds");
}

}  // namespace
}  // namespace samepage::dedup
