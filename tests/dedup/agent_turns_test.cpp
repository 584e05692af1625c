// SPDX-License-Identifier: Apache-2.0
// An agent asks its daemon for the time of a pass, and makes none before it has it. The test is the daemon.
#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <optional>

#include "base/framing.hpp"
#include "base/temporary_directory.hpp"
#include "dedup/agent/agent.hpp"
#include "dedup/daemon/frame_store.hpp"
#include "dedup/daemon_connection.hpp"
#include "dedup/listening_socket.hpp"
#include "tests/dedup/fleet.hpp"

namespace samepage::dedup {
namespace {

class AgentTurns : public testing::Test {
 protected:
  static constexpr std::size_t pages = 16 << 10U;  // several parts of a pass

  explicit AgentTurns(std::uint32_t percent = 10) {
    for (std::size_t at = 0; at < ram_.size(); at += page_size) std::memset(ram_.data() + at, 1, 1);
    const UniqueFd listening = socket_.take();
    agent_.emplace(AgentConfig{"guest", "default", Sharing::all, path_, {}, true},
                   std::vector{MemoryRegion{Gfn{0}, {pages}, ram_.data()}}, barrier_);
    connection_ = UniqueFd(check(::accept4(listening.get(), nullptr, nullptr, SOCK_CLOEXEC), "accept4"));
    agent_->start();
    EXPECT_TRUE(receive_frame(connection_.get()));
    wire::Welcome welcome;
    welcome.staging_slots = 8;
    welcome.max_frames = 8;
    welcome.knobs.cpu_percent = percent;
    welcome.knobs.interval_ms = 0, welcome.knobs.max_interval_ms = 0;
    welcome.secret = random_digest_secret();
    const UniqueFd store = store_.open_read_only(), staging = make_staging(8);
    const std::array<int, 2> fds{store.get(), staging.get()};
    EXPECT_TRUE(send_frame(connection_.get(), static_cast<std::uint32_t>(wire::Type::welcome),
                           wire::bytes_of(welcome), fds));
  }

  template <typename T>
  void say(wire::Type type, const T& message) {
    EXPECT_TRUE(send_frame(connection_.get(), static_cast<std::uint32_t>(type), wire::bytes_of(message)));
  }
  // Hears the agent until it says what it has used; counts what it says before that.
  std::optional<wire::CpuTime> next_time(std::size_t& others) {
    while (const auto frame = receive_frame(connection_.get())) {
      if (frame->type == static_cast<std::uint32_t>(wire::Type::cpu_time))
        return wire::read_one<wire::CpuTime>(frame->payload);
      ++others;
    }
    return {};
  }

  const TemporaryDirectory directory_;
  const std::string path_ = directory_.path() + "/daemon.sock";
  ListeningSocket socket_{path_, Admission::owner_only};
  const Mapping ram_ = Mapping::anonymous(pages * page_size);
  FrameStore store_;
  CountingBarrier barrier_;
  std::optional<Agent> agent_;
  UniqueFd connection_;
};

TEST_F(AgentTurns, ItAsksBeforeItsPassAndMakesItInAsManyTurnsAsItTakes) {
  std::size_t others = 0;
  auto time = next_time(others);
  ASSERT_TRUE(time);
  EXPECT_EQ(time->wants, 1U);
  EXPECT_EQ(others, 0U) << "it has begun without a turn";
  // Each is shorter than a pass.
  int turns = 0;
  std::uint64_t used = time->used_us;
  for (; agent_->counters().passes == 0; ++turns) {
    ASSERT_LT(turns, 1000);
    say(wire::Type::cpu_turn, wire::CpuTurn{.time_us = 100});
    time = next_time(others);
    ASSERT_TRUE(time);
    EXPECT_GE(time->used_us, used);
    used = time->used_us;
  }
  EXPECT_GE(turns, 2);
}

TEST_F(AgentTurns, ATurnThatNobodyHasAskedForIsNone) {
  std::size_t others = 0;
  ASSERT_TRUE(next_time(others));
  say(wire::Type::cpu_turn, wire::CpuTurn{.time_us = 0});  // asks again
  ASSERT_TRUE(next_time(others));
  EXPECT_EQ(agent_->counters().passes, 0U);
}

class AgentWithoutABound : public AgentTurns {
 protected:
  AgentWithoutABound() : AgentTurns(100) {}
};

TEST_F(AgentWithoutABound, ItAsksNobody) {
  bool reported = false;
  while (!reported) {
    const auto frame = receive_frame(connection_.get());
    ASSERT_TRUE(frame);
    EXPECT_NE(frame->type, static_cast<std::uint32_t>(wire::Type::cpu_time));
    reported = frame->type == static_cast<std::uint32_t>(wire::Type::report);
  }
}

TEST_F(AgentTurns, AKnobThatIsOpenedEndsTheWait) {
  std::size_t others = 0;
  ASSERT_TRUE(next_time(others));
  wire::Knobs knobs;
  knobs.cpu_percent = 100;
  say(wire::Type::knobs, knobs);
  bool reported = false;
  while (!reported) {
    const auto frame = receive_frame(connection_.get());
    ASSERT_TRUE(frame);
    reported = frame->type == static_cast<std::uint32_t>(wire::Type::report);
  }
}

}  // namespace
}  // namespace samepage::dedup
