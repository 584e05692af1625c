// SPDX-License-Identifier: Apache-2.0
// Pages that go out to paging files: what guests read is what they wrote, whatever happens on the way.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/fault_point.hpp"
#include "base/json.hpp"
#include "tests/dedup/daemon/paging/full_disks.hpp"
#include "tests/dedup/fleet/fleet_paging.hpp"

namespace samepage::dedup {
namespace {

using Which = PageOuts::Which;

class Paging : public PagingFleet {};

TEST_P(Paging, WhatIsOutTakesNoMemoryAndReadsTheSame) {
  FleetGuest& guest = add(100, 1);
  page_out(guest);
  EXPECT_EQ(own_pages(guest), 0U);
  EXPECT_EQ(guest.pages_paged(), 100U);
  EXPECT_EQ(slots(), 100U);
  EXPECT_EQ(files().at(0).at("written_bytes"), 100 * page_size);
  EXPECT_EQ(guest.worker->page_outs().went(), 100U);
  fleet_.check_references("after all has gone out");
}

TEST_P(Paging, AGuestThatGoesOnHasAllReadInPartsUntilPagesGoOutAgain) {
  FleetGuest& guest = add(300, 1);
  page_out(guest);
  const PageOuts& outs = guest.worker->page_outs();
  EXPECT_FALSE(outs.returning());
  guest.worker->paging().begin_return();
  guest.worker->paging().bring_back(100);
  EXPECT_TRUE(outs.returning());
  guest.worker->paging().bring_back(200);
  EXPECT_FALSE(outs.returning());
  fleet_.check_everything("after all has come back");
  guest.worker->paging().begin_return();
  page_out(guest);
  EXPECT_FALSE(outs.returning()) << "it would come back as it goes";
}

TEST_P(Paging, AWrittenPageIsTheGuestsOwnAndItsSlotGoes) {
  FleetGuest& guest = add(20, 1);
  page_out(guest);
  guest.write(3 * page_size + 8, 77);
  fleet_.settle();
  EXPECT_EQ(guest.pages_paged(), 19U);
  EXPECT_EQ(slots(), 19U);
  EXPECT_EQ(guest.worker->counters().came_back, 1U);
  fleet_.check_references("after a page came back");
}

TEST_P(Paging, WhatIsReadHasComeBackOnceUntilItIsDropped) {
  FleetGuest& guest = add(256, 1);
  page_out(guest);
  drop(guest);  // page_out() has read all of it, to compare
  if (IsSkipped()) return;
  for (std::uint32_t i = 0; i <= Coldness::first_rest; ++i) fleet_.pass();  // what came back has rested
  const auto in = [&] { return files().at(0).at("in_bytes").get<std::uint64_t>() / page_size; };
  const std::uint64_t in_before = in(), came_back = guest.worker->counters().came_back;
  const auto read = [&] { static_cast<void>(*static_cast<const volatile std::byte*>(guest.page(70))); };
  read();
  fleet_.pass();
  const std::uint64_t resident = fleet_.figure("paged_resident_bytes") / page_size;
  EXPECT_GE(resident, 1U);
  EXPECT_EQ(in() - in_before, resident) << "with those beside it, which the kernel has mapped";
  const std::uint64_t now = guest.worker->counters().came_back;
  EXPECT_GT(now, came_back);
  EXPECT_LE(now, came_back + 2) << "they are neighbours";
  fleet_.pass();
  EXPECT_EQ(in() - in_before, resident) << "it has been there since";
  EXPECT_EQ(guest.worker->counters().came_back, now);
  for (const PageRange& range : guest.worker->page_outs().coldness().coldest(0))
    EXPECT_FALSE(range.contains({70})) << "it rests";
  guest.write(70 * page_size, 5);
  fleet_.pass();
  EXPECT_EQ(in() - in_before, resident) << "it was in memory when it was written";
  fleet_.check_references("after it was written");
  fleet_.check_everything("after it was written");
}

TEST_P(Paging, WhatIsWrittenHasComeInFromItsFile) {
  FleetGuest& guest = add(20, 1);
  fleet_.exchange_messages();
  guest.worker->paging().begin(20, Which::all);
  fleet_.exchange_messages_until("its pages are out", [&] { return !guest.worker->page_outs().active(); });
  guest.fill(3, 99);
  guest.fill(4, 98);
  fleet_.pass();
  const std::uint64_t resident = fleet_.figure("paged_resident_bytes") / page_size;
  EXPECT_EQ(files().at(0).at("in_bytes"), (2 + resident) * page_size);
}

TEST_P(Paging, AWriteBetweenTheDonationAndTheMappingIsNotLost) {
  FleetGuest& guest = add(8, 1);
  fleet_.exchange_messages();
  guest.worker->paging().begin(8, Which::all);
  fleet_.poll_daemon();
  guest.worker->handle_messages();  // donates
  fleet_.wait_for_disks();
  guest.write(3 * page_size + 2048, 77);
  fleet_.exchange_messages();
  ASSERT_NO_FATAL_FAILURE(fleet_.check_memory("after a page changed on its way out"));
  EXPECT_EQ(guest.worker->counters().failed_merges, 1U);
}

TEST_P(Paging, EqualPagesHaveOneSlot) {
  FleetGuest& a = add(40, 1);
  page_out(a);
  FleetGuest& b = add(40, 1);
  page_out(b);
  EXPECT_EQ(b.pages_paged(), 40U);
  EXPECT_EQ(slots(), 40U);
  a.write(0, 5);
  fleet_.settle();
  EXPECT_EQ(slots(), 40U) << "b still has the page";
  fleet_.check_references("after one of two was written");
}

TEST_P(Paging, WhatAnotherGuestHasInMemoryIsMergedAndNotWritten) {
  FleetGuest& a = add(10, 1);
  FleetGuest& b = add(10, 1);
  fleet_.settle();
  page_out(a);
  EXPECT_EQ(slots(), 0U);
  EXPECT_EQ(a.frames_mapped() + b.frames_mapped(), 20U);
}

TEST_P(Paging, ZeroPagesAreGivenBackAndNotWritten) {
  FleetGuest& guest = add(10, 1);
  for (std::size_t page = 0; page < 5; ++page) guest.fill(page, 0);
  page_out(guest);
  EXPECT_EQ(slots(), 5U);
  EXPECT_EQ(own_pages(guest), 0U);
}

TEST_P(Paging, AsMuchAsWasAskedForGoesTheColdestFirst) {
  FleetGuest& guest = add(256, 1);
  fleet_.settle();
  fleet_.settle();
  for (std::size_t page = 0; page < 64; ++page) guest.fill(page, 1000 + page);
  fleet_.pass();
  page_out(guest, 100, Which::by_order);
  EXPECT_EQ(guest.pages_paged(), 100U);
  for (const PageMapRun& run : guest.map()) {
    if (run.range.first.value < 64) {
      EXPECT_NE(run.state, PageState::paged) << "it was written last";
    }
  }
}

TEST_P(Paging, RoomComesBackWithTheGuest) {
  FleetGuest& a = add(50, 1);
  FleetGuest& b = add(50, 1000);
  page_out(a);
  page_out(b);
  EXPECT_EQ(files().at(0).at("used_bytes"), PagingFile::segment_bytes);
  fleet_.kill(a);
  EXPECT_EQ(slots(), 50U);
  fleet_.kill(b);
  EXPECT_EQ(slots(), 0U);
  EXPECT_EQ(files().at(0).at("used_bytes"), 0U);
}

TEST_P(Paging, AGuestWhoseDaemonIsLostKeepsWhatIsOut) {
  FleetGuest& guest = add(30, 1);
  page_out(guest);
  guest.worker->lose_daemon();
  guest.write(0, 9);
  fleet_.check_memory("without a daemon");
  fleet_.rejoin(guest);
  fleet_.settle();
  EXPECT_EQ(guest.pages_paged(), 29U) << "it is the same daemon";
  fleet_.check_references("after it is back");
}

// A file of slots that can't be made (a disk with errors, no descriptors) keeps no guest from joining.
TEST_P(Paging, WhatTheDiskDoesNotTakeStaysInMemory) {
  FleetGuest& guest = add(100, 1);
  page_out(guest, 10, Which::by_order);
  const std::size_t out = guest.pages_paged();
  {
    const LimitedFileSize limit(page_size);
    page_out(guest);
  }
  EXPECT_EQ(guest.pages_paged(), out);
  EXPECT_EQ(own_pages(guest), 100 - out);
  EXPECT_EQ(files().at(0).at("state"), "in use") << "it is only full";
  EXPECT_GE(files().at(0).at("errors"), 1U);
  EXPECT_EQ(fleet_.figure("pages_pending"), 0U);
  EXPECT_EQ(fleet_.host().at("shortages").at(0).at("resource"), "disk");
  fleet_.check_everything("after a disk was full");
  fleet_.ask_paging({{"add", folder_.path() + "/second"}});
  fleet_.exchange_messages();
  page_out(guest);
  EXPECT_EQ(guest.pages_paged(), 100U) << "another one takes them";
}

TEST_P(Paging, AFileWhoseDiskFailsGetsNoMorePages) {
  if (!has_fault_points()) GTEST_SKIP() << "this build has no fault points";
  FleetGuest& guest = add(100, 1);
  arm_fault_points("slot-writing:1:EIO");
  page_out(guest);
  arm_fault_points("");
  EXPECT_EQ(files().at(0).at("state"), "failed");
  EXPECT_EQ(fleet_.figure("pages_pending"), 0U);
  fleet_.check_everything("after a disk has failed");
  fleet_.ask_paging({{"add", folder_.path() + "/second"}});
  fleet_.exchange_messages();
  page_out(guest);
  EXPECT_EQ(guest.pages_paged(), 100U) << "another one takes them";
}

class SmallFile : public PagingFleet {
 protected:
  SmallFile() : PagingFleet(",initial=8M,max=8M") {}
};

TEST_P(SmallFile, WhatHasNoRoomStaysInMemory) {
  const std::size_t room = PagingFile::segment_bytes / page_size;
  FleetGuest& guest = add(room + 200, 1);
  page_out(guest);
  EXPECT_EQ(guest.pages_paged(), room);
  EXPECT_EQ(own_pages(guest), 200U);
  // A hole in it is used again.
  guest.fill(3, 100'000);
  fleet_.settle();
  page_out(guest);
  EXPECT_EQ(guest.pages_paged(), room);
}

INSTANTIATE_TEST_SUITE_P(Tracked, Paging, all_trackers(), kind_of);
INSTANTIATE_TEST_SUITE_P(Tracked, SmallFile, testing::Values(write_protection), kind_of);

}  // namespace
}  // namespace samepage::dedup
