// SPDX-License-Identifier: Apache-2.0
// Guests whose daemon is lost: what they keep, what they tell the next one, what is let go.
#include <gtest/gtest.h>

#include <chrono>
#include <set>

#include "base/json.hpp"
#include "base/process_memory.hpp"
#include "tests/dedup/fleet/fleet_fixture.hpp"

namespace samepage::dedup {
namespace {

using Losses = FleetTest;

TEST_P(Losses, AClosedSocketIsNoEndOfAGuest) {
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

TEST_P(Losses, AGuestThatFindsItsDaemonAgainKeepsWhatItMapsAndNothingElse) {
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

// Or rates that are made from a daemon's counters would jump when guests come over from another.
TEST_P(Losses, AnotherDaemonCountsFromWhereTheGuestCame) {
  FleetGuest& a = add(8);
  FleetGuest& b = add(8);
  for (FleetGuest* guest : {&a, &b}) guest->fill(1, 42);
  fleet_.settle();
  const auto holds_at = [](const Fleet& fleet) {
    std::uint64_t sum = 0;
    const nlohmann::json host = fleet.host();  // not a temporary: its parts are gone through
    for (const std::uint64_t of_bucket : host.at("hold_us").at("holds")) sum += of_bucket;
    return sum;
  };
  const std::uint64_t before = a.worker->counters().holds;
  ASSERT_GT(before, 0U);
  EXPECT_EQ(holds_at(fleet_), before + b.worker->counters().holds);
  Fleet next;
  a.worker->lose_daemon();
  next.rejoin(a);
  for (int i = 0; i < 3; ++i) {
    a.worker->run_pass();
    next.poll_daemon();
    a.worker->handle_messages();
  }
  EXPECT_EQ(holds_at(next), a.worker->counters().holds - before);
  EXPECT_EQ(a.worker->counters().hold_times.count(), a.worker->counters().holds);
}

// Grants that the agent did not hear of, and merges that the daemon did not.
TEST_P(Losses, WhatWasUnderWayWhenTheDaemonWasLostIsSettledAtTheNextJoin) {
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

TEST_P(Losses, BreaksAreCountedOnceHoweverOftenTheDaemonIsLost) {
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

// Guests that lost a daemon and have joined another: their pages go on to its store or to memory of their
// own.
TEST_P(Losses, TheStoreOfALostDaemonIsLeftWithinAFewPasses) {
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

INSTANTIATE_TEST_SUITE_P(Tracked, Losses, all_trackers(), kind_of);

}  // namespace
}  // namespace samepage::dedup
