// SPDX-License-Identifier: Apache-2.0
// Frames of the store that all guests have left cold go out to paging files: what guests read is what they
// wrote, whoever writes, comes or goes on the way.
#include <gtest/gtest.h>

#include <chrono>
#include <cstddef>

#include "base/json.hpp"
#include "base/temporary_directory.hpp"
#include "tests/base/wait_until.hpp"
#include "tests/dedup/daemon/paging/full_disks.hpp"
#include "tests/dedup/fleet/fleet_fixture.hpp"

namespace samepage::dedup {
namespace {

constexpr std::size_t pages = 100;

class Eviction : public testing::TestWithParam<GuestOptions> {
 protected:
  // Both have the same in memory, once.
  Eviction() {
    fill(a_), fill(b_);
    fleet_.settle();
    EXPECT_EQ(frames(), pages);
  }
  FleetGuest& add() { return fleet_.add(pages, GetParam()); }
  static void fill(FleetGuest& guest) {
    for (std::size_t page = 0; page < pages; ++page) guest.fill(page, 1 + page);
  }
  // It has nothing to itself that would go first.
  static void suspend(FleetGuest& guest) {
    guest.worker->paging().stand_still();
    guest.worker->paging().begin(pages, PageOuts::Which::all);
    step_until(
        "its pages are out", [&] { guest.worker->paging().go_on(); },
        [&] { return !guest.worker->page_outs().active(); });
  }
  // Until the daemon has told both guests of the slots, and they have not heard it yet.
  void suspend_and_write() {
    suspend(a_), suspend(b_);
    fleet_.poll_daemon();
    fleet_.wait_for_disks();
    EXPECT_EQ(slots(), pages);
    EXPECT_EQ(frames(), pages);
  }
  void expect_sound(const std::string& when) {
    fleet_.check_everything(when);
    fleet_.check_references(when);
  }
  [[nodiscard]] std::uint64_t frames() const { return fleet_.figure("store_bytes") / page_size; }
  [[nodiscard]] std::uint64_t slots() const { return fleet_.figure("slots_bytes") / page_size; }

  TemporaryDirectory folder_;
  Fleet fleet_{{}, {folder_.path() + "/first"}};
  FleetGuest& a_ = add();
  FleetGuest& b_ = add();
};

TEST_P(Eviction, WhatAllHaveLeftColdTakesNoMemory) {
  suspend(a_);
  fleet_.exchange_messages();
  EXPECT_EQ(frames(), pages) << "b uses it";
  suspend(b_);
  fleet_.exchange_messages();
  EXPECT_EQ(frames(), 0U);
  EXPECT_EQ(slots(), pages);
  EXPECT_EQ(a_.pages_paged() + b_.pages_paged(), 2 * pages);
  EXPECT_EQ(fleet_.figure("frames_out"), pages);
  EXPECT_EQ(a_.worker->page_outs().went(), 0U) << "it was not its own to give";
  EXPECT_LE(a_.map().size(), 5U) << "neighbours stay neighbours";
  expect_sound("after all went out");

  a_.worker->paging().begin_return(), b_.worker->paging().begin_return();
  a_.write(5 * page_size, 7);
  fleet_.settle();
  EXPECT_EQ(a_.pages_paged(), pages - 1);
  FleetGuest& c = add();
  fill(c);
  fleet_.settle();
  EXPECT_EQ(c.pages_paged(), pages) << "there is one place for each content";
  EXPECT_EQ(frames(), 0U);
  expect_sound("after a third one came");
}

TEST_P(Eviction, AGuestThatGoesOnIsNoReasonForWhatOthersDoLater) {
  suspend(a_);
  fleet_.exchange_messages();
  a_.worker->paging().begin_return();
  suspend(b_);
  fleet_.exchange_messages();
  EXPECT_EQ(frames(), pages);
  EXPECT_EQ(slots(), 0U);
}

TEST_P(Eviction, AWriteOnTheWayIsNotLost) {
  suspend_and_write();
  a_.write(3 * page_size + 8, 77);
  b_.fill(4, 1000);
  fleet_.exchange_messages();
  ASSERT_NO_FATAL_FAILURE(fleet_.check_memory("after pages were written while they moved"));
  fleet_.settle();
  EXPECT_EQ(frames(), 0U);
  EXPECT_EQ(a_.pages_paged() + b_.pages_paged(), 2 * pages - 2);
  expect_sound("after pages were written while they moved");
}

TEST_P(Eviction, AWriteThatALookHasFoundOnTheWayIsNotLost) {
  suspend_and_write();
  a_.write(3 * page_size + 8, 77);
  a_.worker->run_pass();  // it reports the break, then it reads of the slot
  fleet_.exchange_messages();
  ASSERT_NO_FATAL_FAILURE(fleet_.check_memory("after a break met the news of a slot"));
  fleet_.settle();
  EXPECT_EQ(frames(), 0U);
  expect_sound("after a break met the news of a slot");
}

TEST_P(Eviction, WhoComesOnTheWayHasItToo) {
  FleetGuest& c = add();
  fill(c);
  suspend(a_), suspend(b_);
  fleet_.settle();
  EXPECT_EQ(frames() + slots(), pages) << "one place for each content";
  expect_sound("after a third one came in between");
  suspend(c);
  fleet_.exchange_messages();
  EXPECT_EQ(frames(), 0U);
  expect_sound("after it has left it too");
}

TEST_P(Eviction, AGuestThatIsKilledOnTheWayKeepsNothing) {
  suspend_and_write();
  fleet_.kill(a_);
  fleet_.exchange_messages();
  EXPECT_EQ(frames(), 0U);
  EXPECT_EQ(b_.pages_paged(), pages);
  expect_sound("after one was killed");
  fleet_.kill(b_);
  EXPECT_EQ(slots(), 0U);
}

TEST_P(Eviction, AGuestThatLosesItsDaemonOnTheWayIsToldAgain) {
  suspend_and_write();
  a_.worker->lose_daemon();
  fleet_.exchange_messages();
  EXPECT_EQ(frames(), pages) << "a maps it";
  a_.write(0, 9);
  fleet_.rejoin(a_);
  fleet_.settle();
  EXPECT_EQ(frames(), 0U);
  EXPECT_EQ(a_.pages_paged(), pages - 1);
  expect_sound("after it is back");
}

TEST_P(Eviction, WhatTheDiskDoesNotTakeStaysInMemory) {
  {
    const LimitedFileSize limit(page_size);
    suspend(a_), suspend(b_);
    fleet_.exchange_messages();
  }
  EXPECT_EQ(frames(), pages);
  EXPECT_EQ(slots(), 0U);
  expect_sound("after a disk has failed");
  fleet_.ask_paging({{"add", folder_.path() + "/second"}});
  fleet_.exchange_messages();
  suspend(a_);
  fleet_.exchange_messages();
  EXPECT_EQ(frames(), 0U) << "another one takes it";
  expect_sound("after another disk took it");
}

TEST_P(Eviction, AFileThatIsRemovedOnTheWayIsEmptied) {
  suspend_and_write();
  fleet_.ask_paging({{"remove", folder_.path() + "/first"}});
  fleet_.exchange_messages_until(
      "the file is left", [&] { return fleet_.ask_paging(nlohmann::json::object()).at("files").empty(); });
  fleet_.settle();
  EXPECT_EQ(slots(), 0U);
  EXPECT_EQ(frames(), pages) << "it is shared again";
  expect_sound("after the file has gone");
}

TEST_P(Eviction, AFileOfSharedSlotsIsEmptiedIntoTheOther) {
  suspend(a_), suspend(b_);
  fleet_.exchange_messages();
  fleet_.ask_paging({{"add", folder_.path() + "/second"}});
  fleet_.exchange_messages();
  fleet_.ask_paging({{"remove", folder_.path() + "/first"}});
  fleet_.exchange_messages_until("the file is left", [&] {
    return fleet_.ask_paging(nlohmann::json::object()).at("files").size() == 1;
  });
  fleet_.check_everything("after the file has gone");
}

// Of guests that run: once is enough, looking takes its time.
class EvictionOfRunning : public Eviction {};

TEST_P(EvictionOfRunning, WhatNobodyReadsGoesOutAndWhatIsReadStays) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  std::uint64_t sum = 0;
  while (frames() > 16 && std::chrono::steady_clock::now() < deadline) {
    sum += std::to_integer<std::uint64_t>(*a_.page(70));
    for (FleetGuest* guest : {&a_, &b_}) {
      if (!guest->worker->paging().due()) guest->worker->paging().want_frames_out();
    }
    fleet_.exchange_messages();
  }
  EXPECT_LE(frames(), 16U) << "the page that is read, and its neighbours";
  EXPECT_GE(frames(), 1U);
  EXPECT_EQ(frames() + slots(), pages);
  EXPECT_NE(sum, 0U);
  expect_sound("after what nobody reads went out");
  fleet_.settle();
  a_.worker->paging().want_no_frames_out(), b_.worker->paging().want_no_frames_out();
  fleet_.exchange_messages();
  EXPECT_FALSE(a_.worker->paging().due()) << "nothing is looked at while nobody asks";
}

INSTANTIATE_TEST_SUITE_P(Tracked, EvictionOfRunning, testing::Values(write_protection), kind_of);
INSTANTIATE_TEST_SUITE_P(Tracked, Eviction, all_trackers(), kind_of);

}  // namespace
}  // namespace samepage::dedup
