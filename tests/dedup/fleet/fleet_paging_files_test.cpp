// SPDX-License-Identifier: Apache-2.0
// Paging files that come and go while guests have pages there.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/check.hpp"
#include "base/fault_point.hpp"
#include "base/json.hpp"
#include "base/process_memory.hpp"
#include "tests/base/wait_until.hpp"
#include "tests/dedup/fleet/fleet_paging.hpp"

namespace samepage::dedup {
namespace {

using Which = PageOuts::Which;

class PagingFilesOfFleet : public PagingFleet {};

TEST_P(PagingFilesOfFleet, AFileThatIsRemovedIsEmptiedIntoTheOthers) {
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

TEST_P(PagingFilesOfFleet, TheLastFileThatIsRemovedIsEmptiedIntoMemory) {
  FleetGuest& guest = add(30, 1);
  page_out(guest);
  fleet_.ask_paging({{"remove", folder_.path() + "/first"}});
  fleet_.exchange_messages_until("the file is left", [&] { return files().empty(); });
  EXPECT_EQ(own_pages(guest), 30U);
  EXPECT_FALSE(guest.worker->paging().can_page_out());
  fleet_.check_everything("after the only file was removed");
}

TEST_P(PagingFilesOfFleet, AFileThatIsRemovedTwiceIsLeftOnce) {
  FleetGuest& guest = add(30, 1);
  FleetGuest& other = add(30, 100);
  page_out(guest);
  page_out(other);
  for (int i = 0; i < 2; ++i) {
    fleet_.ask_paging({{"remove", folder_.path() + "/first"}});
    guest.worker->handle_messages();
    for (int j = 0; j < 4; ++j)
      guest.worker->paging().go_on();  // this one has left it; the other has not heard
  }
  EXPECT_EQ(own_pages(guest), 30U);
  EXPECT_TRUE(guest.worker->connected());
  fleet_.exchange_messages_until("the file is left", [&] { return files().empty(); });
  fleet_.check_everything("after a file was removed twice");
}

TEST_P(PagingFilesOfFleet, AGuestThatComesBackWhileAFileIsLeftLeavesItToo) {
  FleetGuest& guest = add(30, 1);
  page_out(guest);
  guest.worker->lose_daemon();
  fleet_.ask_paging({{"remove", folder_.path() + "/first"}});
  ASSERT_EQ(files().size(), 1U) << "a guest has pages there";
  fleet_.rejoin(guest);
  EXPECT_FALSE(guest.worker->paging().can_page_out());
  step_until(
      "the file is left", [&] { fleet_.pass(); }, [&] { return files().empty(); });
  EXPECT_EQ(own_pages(guest), 30U);
  fleet_.check_everything("after a file was left");
}

TEST_P(PagingFilesOfFleet, ADaemonThatIsLostTakesItsOrdersToLeaveWithIt) {
  FleetGuest& guest = add(30, 1);
  page_out(guest);
  fleet_.ask_paging({{"remove", folder_.path() + "/first"}});
  guest.worker->handle_messages();
  EXPECT_NE(guest.worker->page_outs().leaving(), 0U);
  guest.worker->lose_daemon();
  EXPECT_EQ(guest.worker->page_outs().leaving(), 0U) << "another daemon's files have these numbers";
}

TEST(PagingFilesTest, AGuestJoinsWhereNoFileForItsSlotsCanBeMade) {
  if (!has_fault_points()) GTEST_SKIP() << "this build has no fault points";
  const TemporaryDirectory folder;
  Fleet fleet({}, {folder.path() + "/first", folder.path() + "/second"});
  arm_fault_points("file-making:1:EIO");
  FleetGuest& guest = fleet.add(20);
  for (std::size_t page = 0; page < 20; ++page) guest.fill(page, 1 + page);
  fleet.exchange_messages();
  EXPECT_TRUE(guest.worker->paging().can_page_out()) << "it has the other one";
  guest.worker->paging().begin(20, Which::all);
  fleet.exchange_messages_until("its pages are out", [&] { return !guest.worker->page_outs().active(); });
  EXPECT_GT(guest.pages_paged(), 0U);
  fleet.check_everything("after one file could not be made");
}

TEST_P(PagingFilesOfFleet, AFileIsLeftAlthoughAnotherGuestStaysInIt) {
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

TEST_P(PagingFilesOfFleet, FilesTakeTurns) {
  fleet_.ask_paging({{"add", folder_.path() + "/second"}});
  FleetGuest& guest = add(512, 1);
  page_out(guest);
  for (const auto& file : files()) EXPECT_EQ(file.at("written_bytes"), 256 * page_size);
  EXPECT_LE(guest.map().size(), 9U) << "neighbours stay neighbours";
}

INSTANTIATE_TEST_SUITE_P(Tracked, PagingFilesOfFleet, all_trackers(), kind_of);

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
    guest->worker->paging().begin(10, Which::all);
    fleet.exchange_messages_until("its pages are out", [&] { return !guest->worker->page_outs().active(); });
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
