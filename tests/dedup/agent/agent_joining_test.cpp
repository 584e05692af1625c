// SPDX-License-Identifier: Apache-2.0
// An agent whose daemon hangs, is not there, or has died: its guest runs, and joins as soon as there is one.
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <tuple>

#include "base/framing.hpp"
#include "base/temporary_directory.hpp"
#include "dedup/agent/agent.hpp"
#include "dedup/agent/connection.hpp"
#include "dedup/daemon/server.hpp"
#include "dedup/daemon_client.hpp"
#include "dedup/daemon_connection.hpp"
#include "dedup/listening_socket.hpp"
#include "tests/base/wait_until.hpp"
#include "tests/dedup/daemon/running_daemon.hpp"
#include "tests/dedup/fleet/fleet.hpp"

namespace samepage::dedup {
namespace {

const ServerConfig private_daemon{.exit_when_idle = std::chrono::hours(1)};

class AgentJoining : public testing::Test {
 protected:
  std::unique_ptr<Agent> agent(bool joins_later, std::function<void()> start_daemon = {}) {
    return std::make_unique<Agent>(
        AgentConfig{"guest", "default", Sharing::all, path_, std::move(start_daemon), joins_later},
        std::vector{MemoryRegion{Gfn{0}, {16}, ram_.data()}}, barrier_);
  }

  const TemporaryDirectory directory_;
  const std::string path_ = directory_.path() + "/daemon.sock";
  const Mapping ram_ = Mapping::anonymous(16 * page_size);
  CountingBarrier barrier_;
};

TEST_F(AgentJoining, ADaemonThatHangsIsJoinedWhenItGoesOn) {
  ListeningSocket socket(path_, Admission::owner_only);  // nobody accepts
  const auto agent = this->agent(true);
  agent->start();
  EXPECT_FALSE(agent->counters().connected);
  const RunningDaemon daemon(socket.take(), {});
  wait_until("the agent has joined", [&] { return agent->counters().connected; });
}

TEST_F(AgentJoining, WithoutADaemonTheGuestRunsAndSaysWhyNothingIsShared) {
  const auto agent = this->agent(false);
  EXPECT_NE(agent->why_not_joined().find(path_), std::string::npos);
  agent->start();
  agent->discard(std::array{GfnRange{Gfn{1}, {1}}});  // nobody waits for what does not come
  EXPECT_FALSE(agent->counters().connected);
}

TEST_F(AgentJoining, APrivateDaemonThatHasDiedIsStartedAgain) {
  std::mutex lock;
  std::optional<ListeningSocket> socket;
  std::optional<RunningDaemon> daemon;
  int starts = 0;
  const auto start = [&] {
    const std::lock_guard guard(lock);
    socket.emplace(path_, Admission::owner_only);
    daemon.emplace(socket->take(), private_daemon);
    ++starts;
  };
  start();
  const auto agent = this->agent(false, start);
  EXPECT_TRUE(agent->why_not_joined().empty());
  agent->start();
  {
    const std::lock_guard guard(lock);
    daemon.reset();
    socket.reset();
  }
  wait_until("the agent has joined the second daemon", [&] {
    const std::lock_guard guard(lock);
    return starts == 2 && agent->counters().connected;
  });
}

TEST_F(AgentJoining, ADaemonThatSomebodyElseHasStartedIsNot) {
  ListeningSocket socket(path_, Admission::owner_only);
  Fleet fleet;
  FleetGuest& guest = fleet.add(8);
  EXPECT_FALSE(guest.worker->daemon_is_private());
}

class SilentOrStrange : public testing::Test {
 protected:
  SilentOrStrange() {
    std::tie(ours_, theirs_) = connected_sockets();
    limit_waits(ours_.get(), {0, 10'000});
  }
  void join() {
    Connection connection(config_, hang_up_, std::move(ours_));
    connection.ask_to_join(config_, 16, 0);
    static_cast<void>(connection.finish_joining());
  }
  void say(std::string_view text) {
    ASSERT_EQ(::write(theirs_.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
  }

  const AgentConfig config_{"guest", "default", Sharing::all, "path"};
  HangUp hang_up_;
  UniqueFd ours_, theirs_;
};

TEST_F(SilentOrStrange, ADaemonThatSaysNothingHangs) {
  EXPECT_THROW(join(), DaemonHangs);
}

TEST_F(SilentOrStrange, WhoSpeaksAnotherLanguageIsNoDaemonThatHangs) {
  say("220 mail.example.org ESMTP\r\n");
  try {
    join();
    FAIL() << "a stranger was joined";
  } catch (const UserError& error) {
    EXPECT_EQ(dynamic_cast<const DaemonHangs*>(&error), nullptr);
    EXPECT_NE(std::string(error.what()).find("SAMEPAGE_SOCKET"), std::string::npos);
  }
}

TEST_F(SilentOrStrange, WhoHangsUpIsNoDaemonThatHangs) {
  say("");
  ::shutdown(theirs_.get(), SHUT_WR);
  try {
    join();
    FAIL() << "nobody was joined";
  } catch (const UserError& error) {
    EXPECT_EQ(dynamic_cast<const DaemonHangs*>(&error), nullptr);
  }
}

}  // namespace
}  // namespace samepage::dedup
