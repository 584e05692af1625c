// SPDX-License-Identifier: Apache-2.0
// What a peer says of itself that is not true: its report, its processor time, the memory that is left to it.
#include <gtest/gtest.h>

#include <cstdint>

#include "tests/dedup/fleet/hostile_peer.hpp"

namespace samepage::dedup {
namespace {

TEST_F(HostilePeer, AReportThatCannotBeTrue) {
  join();
  wire::Report report;
  report.zero_pages = 17;  // of 16
  say_one(wire::Type::report, report);
  EXPECT_TRUE(cut_off());
  EXPECT_EQ(fleet_.figure("zero_pages"), 0U);
  others_go_on();
}

TEST_F(HostilePeer, ATimeThatIsNoTime) {
  join();
  say_one(wire::Type::cpu_time, wire::CpuTime{.used_us = 0, .wants = 2});
  EXPECT_TRUE(cut_off());
  others_go_on();
}

TEST_F(HostilePeer, TimeThatNoCounterShows) {
  join();
  say_one(wire::Type::cpu_time, wire::CpuTime{.used_us = std::uint64_t{1} << 53U, .wants = 1});
  EXPECT_TRUE(cut_off());
  others_go_on();
}

// Not hostile: it has used so much, and is given a turn all the same when its debt is paid.
TEST_F(HostilePeer, TimeThatNobodyCanHaveUsedIsNoDebtForEver) {
  join();
  say_one(wire::Type::cpu_time, wire::CpuTime{.used_us = std::uint64_t{1} << 52U, .wants = 1});
  say_one(wire::Type::sync, wire::Sync{1});
  std::vector<std::uint32_t> answers;
  for (int i = 0; i < 2; ++i) {
    const auto message = receive_message(socket_.get());
    ASSERT_TRUE(message);
    answers.push_back(message->type);
  }
  EXPECT_NE(std::find(answers.begin(), answers.end(), static_cast<std::uint32_t>(wire::Type::cpu_turn)),
            answers.end());
  others_go_on();
}

TEST_F(HostilePeer, MoreRoomThanThereCanBe) {
  join();
  say_one(wire::Type::room, wire::Room{.available = std::uint64_t{1} << 53U});
  EXPECT_TRUE(cut_off());
  others_go_on();
}

TEST_F(HostilePeer, AGuestThatNeitherRunsNorStandsStill) {
  join();
  say_one(wire::Type::room, wire::Room{.taking = static_cast<wire::Taking>(3)});
  EXPECT_TRUE(cut_off());
  others_go_on();
}

}  // namespace
}  // namespace samepage::dedup
