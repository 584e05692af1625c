// SPDX-License-Identifier: Apache-2.0
// An agent whose daemon is the test: it has joined when the test begins.
#pragma once

#include <gtest/gtest.h>
#include <sched.h>

#include <array>
#include <atomic>
#include <cstring>
#include <optional>

#include "base/framing.hpp"
#include "base/temporary_directory.hpp"
#include "dedup/agent/agent.hpp"
#include "dedup/daemon/frame_store.hpp"
#include "dedup/daemon_connection.hpp"
#include "dedup/listening_socket.hpp"
#include "tests/base/nice_value.hpp"
#include "tests/dedup/fleet/fleet.hpp"

namespace samepage::dedup {

class AgentOfTest : public testing::Test {
 protected:
  static constexpr std::size_t pages = 16 << 10U;  // several parts of a pass

  /// `percent`: the knob `cpu`. Each page begins with `content`.
  explicit AgentOfTest(std::uint32_t percent = 10, int content = 1) {
    barrier_.at_hold([this] {
      policy_at_hold_ = ::sched_getscheduler(0);
      nice_at_hold_ = test::nice_value();
    });
    for (std::size_t at = 0; at < ram_.size(); at += page_size) std::memset(ram_.data() + at, content, 1);
    const UniqueFd listening = socket_.take();
    agent_.emplace(AgentConfig{"guest", "default", Sharing::all, path_, {}, true},
                   std::vector{MemoryRegion{Gfn{0}, {pages}, ram_.data()}}, barrier_);
    connection_ = UniqueFd(check(::accept4(listening.get(), nullptr, nullptr, SOCK_CLOEXEC), "accept4"));
    agent_->start();
    EXPECT_TRUE(receive_message(connection_.get()));
    wire::Welcome welcome;
    welcome.staging_slots = 8;
    welcome.max_frames = 8;
    welcome.knobs.cpu_percent = percent;
    welcome.knobs.interval_ms = 0, welcome.knobs.max_interval_ms = 0;
    welcome.secret = random_digest_secret();
    const UniqueFd store = store_.open_read_only(), staging = make_staging(8);
    const std::array<int, 2> fds{store.get(), staging.get()};
    EXPECT_TRUE(send_message(connection_.get(), static_cast<std::uint32_t>(wire::Type::welcome),
                             wire::bytes_of(welcome), fds));
  }

  template <typename T>
  void say(wire::Type type, const T& message) {
    EXPECT_TRUE(send_message(connection_.get(), static_cast<std::uint32_t>(type), wire::bytes_of(message)));
  }
  // Hears the agent until it says what it has used; counts what it says before that.
  std::optional<wire::CpuTime> next_time(std::size_t& others) {
    while (const auto message = receive_message(connection_.get())) {
      if (message->type == static_cast<std::uint32_t>(wire::Type::cpu_time))
        return wire::read_one<wire::CpuTime>(message->payload);
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
  static constexpr int nowhere = -100;
  std::atomic<int> nice_at_hold_ = nowhere;  // of the thread that held the guest last
  std::atomic<int> policy_at_hold_ = -1;
  std::optional<Agent> agent_;
  UniqueFd connection_;
};

}  // namespace samepage::dedup
