// SPDX-License-Identifier: Apache-2.0
// Pages that go out to paging files: what guests read is what they wrote, whatever happens on the way.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/check.hpp"
#include "base/fault_point.hpp"
#include "base/pagemap.hpp"
#include "base/process_memory.hpp"
#include "tests/dedup/fleet_fixture.hpp"
#include "tests/dedup/paging/full_disks.hpp"

namespace samepage::dedup {
namespace {

using Which = PageOuts::Which;

class Paging : public testing::TestWithParam<GuestOptions> {
 protected:
  explicit Paging(const std::string& sizes = "") : fleet_({}, {folder_.path() + "/first" + sizes}) {}

  FleetGuest& add(std::size_t pages, std::uint64_t first_content) {
    FleetGuest& guest = fleet_.add(pages, GetParam());
    for (std::size_t page = 0; page < pages; ++page) guest.fill(page, first_content + page);
    return guest;
  }
  void page_out(FleetGuest& guest, std::uint64_t pages = 1U << 20U, Which which = Which::all) {
    fleet_.exchange_messages();  // it hears of the paging files
    guest.worker->begin_page_out(pages, which);
    while (guest.worker->page_outs().active()) fleet_.exchange_messages();
    fleet_.check_everything("after pages went out");
  }
  static std::size_t own_pages(const FleetGuest& guest) {
    std::size_t own = 0;
    for (const PageRun& run : Pagemap().populated(guest.ram.bytes())) own += run.is_own() ? run.count : 0;
    return own;
  }
  // What is out and in memory too leaves memory.
  void drop(FleetGuest& guest) {
    const auto resident = [&] { return fleet_.figure("paged_resident_bytes") > 0; };
    fleet_.pass();
    for (int tries = 0; tries < 100 && resident(); ++tries) {  // the kernel may not find a page at once
      guest.worker->begin_page_out(1, Which::all);
      while (guest.worker->page_outs().active()) fleet_.exchange_messages();
      fleet_.pass();
    }
    if (resident()) GTEST_SKIP() << "the kernel does not drop these pages";
  }
  nlohmann::json files() { return fleet_.ask_paging(nlohmann::json::object()).at("files"); }
  [[nodiscard]] std::uint64_t slots() const { return fleet_.figure("slots_bytes") / page_size; }

  TemporaryDirectory folder_;
  Fleet fleet_;
};

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
  guest.worker->begin_return();
  guest.worker->bring_back(100);
  EXPECT_TRUE(outs.returning());
  guest.worker->bring_back(200);
  EXPECT_FALSE(outs.returning());
  fleet_.check_everything("after all has come back");
  guest.worker->begin_return();
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
  guest.worker->begin_page_out(20, Which::all);
  while (guest.worker->page_outs().active()) fleet_.exchange_messages();
  guest.fill(3, 99);
  guest.fill(4, 98);
  fleet_.pass();
  const std::uint64_t resident = fleet_.figure("paged_resident_bytes") / page_size;
  EXPECT_EQ(files().at(0).at("in_bytes"), (2 + resident) * page_size);
}

TEST_P(Paging, AWriteBetweenTheDonationAndTheMappingIsNotLost) {
  FleetGuest& guest = add(8, 1);
  fleet_.exchange_messages();
  guest.worker->begin_page_out(8, Which::all);
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

TEST_P(Paging, AFileThatIsRemovedIsEmptiedIntoTheOthers) {
  FleetGuest& guest = add(300, 1);
  page_out(guest);
  fleet_.ask_paging({{"add", folder_.path() + "/second"}});
  fleet_.exchange_messages();
  fleet_.ask_paging({{"remove", folder_.path() + "/first"}});
  while (files().size() > 1) {
    fleet_.exchange_messages();
    fleet_.check_memory("while a file is emptied");
  }
  EXPECT_EQ(files().at(0).at("path"), folder_.path() + "/second");
  EXPECT_EQ(guest.pages_paged(), 300U);
  EXPECT_EQ(guest.worker->page_outs().leaving(), 0U);
  fleet_.check_references("after a file was removed");
  EXPECT_FALSE(guest.worker->page_outs().active());
}

TEST_P(Paging, TheLastFileThatIsRemovedIsEmptiedIntoMemory) {
  FleetGuest& guest = add(30, 1);
  page_out(guest);
  fleet_.ask_paging({{"remove", folder_.path() + "/first"}});
  while (!files().empty()) fleet_.exchange_messages();
  EXPECT_EQ(own_pages(guest), 30U);
  EXPECT_FALSE(guest.worker->can_page_out());
  fleet_.check_everything("after the only file was removed");
}

TEST_P(Paging, AFileThatIsRemovedTwiceIsLeftOnce) {
  FleetGuest& guest = add(30, 1);
  FleetGuest& other = add(30, 100);
  page_out(guest);
  page_out(other);
  for (int i = 0; i < 2; ++i) {
    fleet_.ask_paging({{"remove", folder_.path() + "/first"}});
    guest.worker->handle_messages();
    for (int j = 0; j < 4; ++j)
      guest.worker->go_on_paging();  // this one has left it; the other has not heard
  }
  EXPECT_EQ(own_pages(guest), 30U);
  EXPECT_TRUE(guest.worker->connected());
  while (!files().empty()) fleet_.exchange_messages();
  fleet_.check_everything("after a file was removed twice");
}

TEST_P(Paging, AGuestThatComesBackWhileAFileIsLeftLeavesItToo) {
  FleetGuest& guest = add(30, 1);
  page_out(guest);
  guest.worker->lose_daemon();
  fleet_.ask_paging({{"remove", folder_.path() + "/first"}});
  ASSERT_EQ(files().size(), 1U) << "a guest has pages there";
  fleet_.rejoin(guest);
  EXPECT_FALSE(guest.worker->can_page_out());
  while (!files().empty()) fleet_.pass();
  EXPECT_EQ(own_pages(guest), 30U);
  fleet_.check_everything("after a file was left");
}

TEST_P(Paging, ADaemonThatIsLostTakesItsOrdersToLeaveWithIt) {
  FleetGuest& guest = add(30, 1);
  page_out(guest);
  fleet_.ask_paging({{"remove", folder_.path() + "/first"}});
  guest.worker->handle_messages();
  EXPECT_NE(guest.worker->page_outs().leaving(), 0U);
  guest.worker->lose_daemon();
  EXPECT_EQ(guest.worker->page_outs().leaving(), 0U) << "another daemon's files have these numbers";
}

// A file of slots that can't be made (a disk with errors, no descriptors) keeps no guest from joining.
TEST(PagingFilesTest, AGuestJoinsWhereNoFileForItsSlotsCanBeMade) {
  if (!has_fault_points()) GTEST_SKIP() << "this build has no fault points";
  const TemporaryDirectory folder;
  Fleet fleet({}, {folder.path() + "/first", folder.path() + "/second"});
  arm_fault_points("file-making:1:EIO");
  FleetGuest& guest = fleet.add(20);
  for (std::size_t page = 0; page < 20; ++page) guest.fill(page, 1 + page);
  fleet.exchange_messages();
  EXPECT_TRUE(guest.worker->can_page_out()) << "it has the other one";
  guest.worker->begin_page_out(20, Which::all);
  while (guest.worker->page_outs().active()) fleet.exchange_messages();
  EXPECT_GT(guest.pages_paged(), 0U);
  fleet.check_everything("after one file could not be made");
}

TEST_P(Paging, AFileIsLeftAlthoughAnotherGuestStaysInIt) {
  FleetGuest& guest = add(30, 1);
  FleetGuest& other = add(30, 1);
  page_out(guest);
  page_out(other);
  fleet_.ask_paging({{"add", folder_.path() + "/second"}});
  fleet_.exchange_messages();
  other.worker->lose_daemon();  // it hangs, say
  fleet_.ask_paging({{"remove", folder_.path() + "/first"}});
  for (int i = 0; i < 20; ++i) fleet_.pass();
  EXPECT_EQ(guest.worker->page_outs().leaving(), 0U);
  EXPECT_EQ(guest.pages_paged(), 30U);
  EXPECT_EQ(files().size(), 2U);
  fleet_.rejoin(other);
  while (files().size() > 1) fleet_.pass();
  EXPECT_EQ(slots(), 30U);
  fleet_.check_everything("after both have left the file");
}

TEST_P(Paging, FilesTakeTurns) {
  fleet_.ask_paging({{"add", folder_.path() + "/second"}});
  FleetGuest& guest = add(512, 1);
  page_out(guest);
  for (const auto& file : files()) EXPECT_EQ(file.at("written_bytes"), 256 * page_size);
  EXPECT_LE(guest.map().size(), 9U) << "neighbours stay neighbours";
}

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
  EXPECT_EQ(files().at(0).at("state"), "failed");
  EXPECT_GE(files().at(0).at("errors"), 1U);
  EXPECT_EQ(fleet_.figure("pages_pending"), 0U);
  fleet_.check_everything("after a disk has failed");
  fleet_.ask_paging({{"add", folder_.path() + "/second"}});
  fleet_.exchange_messages();
  page_out(guest);
  EXPECT_EQ(guest.pages_paged(), 100U) << "another one takes them";
}

class SmallFile : public Paging {
 protected:
  SmallFile() : Paging(",initial=8M,max=8M") {}
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

TEST(PagingFilesTest, ThereAreSixteenAtMost) {
  const TemporaryDirectory folder;
  Fleet fleet;
  for (int i = 0; i < 16; ++i) {
    fleet.ask_paging({{"add", folder.path() + "/" + std::to_string(i) + ",initial=8M,max=8M"}});
  }
  EXPECT_THROW(fleet.ask_paging({{"add", folder.path() + "/17"}}), UserError);
  EXPECT_THROW(fleet.ask_paging({{"add", folder.path() + "/3"}}), UserError) << "it is there already";
  EXPECT_THROW(fleet.ask_paging({{"remove", folder.path() + "/none"}}), UserError);
}

TEST(PagingFilesTest, NoDomainGetsADescriptorOfAnothersSlots) {
  const TemporaryDirectory folder;
  Fleet fleet({}, {folder.path() + "/file"});
  FleetGuest& a = fleet.add(10, {.domain = "a"});
  FleetGuest& b = fleet.add(10, {.domain = "b"});
  for (FleetGuest* guest : {&a, &b}) {
    for (std::size_t page = 0; page < 10; ++page) guest->fill(page, 1 + page);
    fleet.exchange_messages();
    guest->worker->begin_page_out(10, Which::all);
    while (guest->worker->page_outs().active()) fleet.exchange_messages();
  }
  EXPECT_EQ(fleet.figure("slots_bytes"), 20 * page_size) << "equal pages of two domains have two slots";
  const auto inode_of = [](const FleetGuest& guest) {
    const auto start = address_of(guest.ram.data());
    for (const MappedRange& mapping : mappings_in(start, start + guest.ram.size())) {
      if (mapping.inode != 0) return mapping.inode;
    }
    return std::uint64_t{0};
  };
  EXPECT_NE(inode_of(a), 0U);
  EXPECT_NE(inode_of(a), inode_of(b));
}

}  // namespace
}  // namespace samepage::dedup
