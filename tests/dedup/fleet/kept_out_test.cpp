// SPDX-License-Identifier: Apache-2.0
// Guests that the policy keeps out: they are told why, they are counted, and they are let in when that is
// allowed, without asking all the time.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/framing.hpp"
#include "base/json.hpp"
#include "base/pipe.hpp"
#include "base/temporary_directory.hpp"
#include "dedup/agent/agent.hpp"
#include "dedup/daemon/server.hpp"
#include "dedup/listening_socket.hpp"
#include "dedup/protocol.hpp"
#include "tests/base/wait_until.hpp"
#include "tests/dedup/daemon/running_daemon.hpp"
#include "tests/dedup/fleet/fleet.hpp"

namespace samepage::dedup {
namespace {

using std::chrono::steady_clock;
using testing::HasSubstr;

constexpr std::uint32_t pages_of_each = 16;

// The test's user is trusted, so the rule names it.
Policy policy_of(PolicyRule rule) {
  rule.user = "tester";
  rule.line = 7;
  return {"/etc/policy", {{::geteuid(), std::move(rule)}}};
}

Policy so_many_guests(std::uint64_t most) {
  PolicyRule rule;
  rule.max_guests = most;
  return policy_of(std::move(rule));
}

class KeptOutGuests : public testing::Test {
 protected:
  KeptOutGuests() {
    ServerConfig config;
    config.admission.policy = so_many_guests(1);
    server_ = std::make_unique<Server>(io_, std::move(config));
  }

  // A connection of a process of its own, whose HELLO is said.
  UniqueFd dial(const std::string& domain = "default", std::uint32_t version = wire::version) {
    auto [ours, theirs] = connected_sockets();
    Pipe process = make_pipe();
    alive_.push_back(std::move(process.writing));
    server_->adopt(std::move(theirs), std::move(process.reading));
    wire::Hello hello;
    hello.version = version;
    hello.pages = pages_of_each;
    std::string("guest").copy(hello.guest, wire::max_name - 1);
    domain.copy(hello.domain, wire::max_name - 1);
    EXPECT_TRUE(
        send_message(ours.get(), static_cast<std::uint32_t>(wire::Type::hello), wire::bytes_of(hello)));
    serve();
    return std::move(ours);
  }
  void serve() {
    io_.restart();
    while (io_.poll() > 0) {
    }
  }
  // What the daemon says first.
  static std::optional<Message> answer(const UniqueFd& socket) { return receive_message(socket.get()); }
  static bool is(const std::optional<Message>& message, wire::Type type) {
    return message && message->type == static_cast<std::uint32_t>(type);
  }
  static bool has_ended(const UniqueFd& socket) {
    char byte = 0;
    return ::recv(socket.get(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
  }
  void wait_until_ended(const UniqueFd& socket) {
    wait_until("the connection has ended", [&] {
      serve();
      return has_ended(socket);
    });
  }
  nlohmann::json user() const { return server_->statistics().at("users").at(0); }

  boost::asio::io_context io_{1};
  std::vector<UniqueFd> alive_;
  std::unique_ptr<Server> server_;
};

TEST_F(KeptOutGuests, AreToldWhyAndCounted) {
  const UniqueFd first = dial();
  ASSERT_TRUE(is(answer(first), wire::Type::welcome));
  const UniqueFd second = dial();
  const auto why = answer(second);
  ASSERT_TRUE(is(why, wire::Type::kept_out));
  EXPECT_THAT(std::string(why->text()),
              HasSubstr("(/etc/policy, line 7) lets user tester have max-guests=1"));
  EXPECT_FALSE(has_ended(second)) << "it need not ask again and again";
  EXPECT_EQ(user().at("guests"), 1);
  EXPECT_EQ(user().at("guests_limit"), 1);
  EXPECT_EQ(user().at("kept_out"), 1);
  EXPECT_EQ(user().at("ram_bytes"), pages_of_each * page_size);
  EXPECT_EQ(user().at("policy_line"), 7);
  EXPECT_EQ(server_->statistics().at("host").at("reserved_bytes"),
            std::uint64_t{2} * pages_of_each * page_size)
      << "it has its RAM, whether it shares or not";
}

TEST_F(KeptOutGuests, LeaveNothingBehind) {
  const UniqueFd first = dial();
  const auto before = user().at("bytes").get<std::uint64_t>();
  UniqueFd second = dial();
  EXPECT_LT(user().at("bytes").get<std::uint64_t>(), before + (32U << 10U)) << "a staging area, say";
  second.reset();
  serve();
  EXPECT_EQ(user().at("bytes"), before);
  EXPECT_EQ(user().at("kept_out"), 0);
}

TEST_F(KeptOutGuests, MayAskAgainWhenAnotherHasGone) {
  const UniqueFd first = dial();
  const UniqueFd second = dial();
  ASSERT_TRUE(is(answer(second), wire::Type::kept_out));
  alive_.erase(alive_.begin());
  wait_until_ended(second);
  EXPECT_TRUE(is(answer(dial()), wire::Type::welcome));
}

TEST_F(KeptOutGuests, MayAskAgainWhenAnotherPolicyLetsThemIn) {
  server_->set_policy(so_many_guests(0));
  const UniqueFd socket = dial();
  ASSERT_TRUE(is(answer(socket), wire::Type::kept_out));
  PolicyRule elsewhere;
  elsewhere.domains = {"elsewhere"};
  server_->set_policy(policy_of(elsewhere));
  serve();
  EXPECT_FALSE(has_ended(socket)) << "this one keeps it out as well";
  server_->set_policy(so_many_guests(1));
  serve();
  EXPECT_TRUE(has_ended(socket));
  EXPECT_TRUE(is(answer(dial()), wire::Type::welcome));
}

TEST_F(KeptOutGuests, AnotherPolicyEndsNobodysMembership) {
  const UniqueFd first = dial();
  ASSERT_TRUE(is(answer(first), wire::Type::welcome));
  server_->set_policy(so_many_guests(0));
  serve();
  EXPECT_FALSE(has_ended(first));
  EXPECT_EQ(user().at("guests"), 1);
}

TEST_F(KeptOutGuests, WhatTheDaemonHoldsForAUserIsBoundFromNowOn) {
  const UniqueFd first = dial();
  PolicyRule rule;
  rule.max_held = 1;
  server_->set_policy(policy_of(rule));
  EXPECT_EQ(user().at("limit_bytes"), 1);
  const UniqueFd second = dial();
  const auto why = answer(second);
  ASSERT_FALSE(is(why, wire::Type::welcome));
  server_->set_policy(so_many_guests(5));
  EXPECT_TRUE(user().at("limit_bytes").is_null()) << "a trusted user's, for which nothing is written";
}

TEST_F(KeptOutGuests, OfAnOlderVersionAreRefused) {
  const UniqueFd first = dial();
  const UniqueFd older = dial("default", wire::version_without_shortages);
  const auto why = answer(older);
  ASSERT_TRUE(is(why, wire::Type::refused));
  EXPECT_THAT(std::string(why->text()), HasSubstr("max-guests=1"));
}

TEST_F(KeptOutGuests, WhoSaysMoreIsCutOff) {
  const UniqueFd first = dial();
  const UniqueFd second = dial();
  ASSERT_TRUE(is(answer(second), wire::Type::kept_out));
  ASSERT_TRUE(send_message(second.get(), static_cast<std::uint32_t>(wire::Type::offer),
                           wire::bytes_of(wire::Offer{5, 0, 0})));
  serve();
  EXPECT_TRUE(has_ended(second));
  EXPECT_EQ(user().at("guests"), 1);
}

// The other end: agents. The server runs in a thread of its own.
class KeptOutAgents : public testing::Test {
 protected:
  std::unique_ptr<Agent> agent() {
    return std::make_unique<Agent>(AgentConfig{"guest", "default", Sharing::all, path_},
                                   std::vector{MemoryRegion{Gfn{0}, {pages_of_each}, ram_.data()}}, barrier_);
  }

  const TemporaryDirectory directory_;
  const std::string path_ = directory_.path() + "/daemon.sock";
  const Mapping ram_ = Mapping::anonymous(pages_of_each * page_size);
  CountingBarrier barrier_;
};

TEST_F(KeptOutAgents, GuestsRunAndJoinWhenTheyMay) {
  ServerConfig config;
  config.admission.policy = so_many_guests(0);
  ListeningSocket socket(path_, Admission::owner_only);
  RunningDaemon daemon(socket.take(), std::move(config));
  const auto agent = this->agent();
  EXPECT_THAT(agent->why_not_joined(),
              HasSubstr("keeps the guest out: the policy of this host (/etc/policy"));
  EXPECT_THAT(agent->why_kept_out(), HasSubstr("max-guests=0"));
  agent->start();
  agent->discard(std::array{GfnRange{Gfn{1}, {1}}});
  EXPECT_FALSE(agent->counters().connected);
  daemon.post([](Server& server) { server.set_policy(so_many_guests(1)); });
  wait_until("the agent has joined", [&] { return agent->counters().connected; });
  EXPECT_EQ(agent->why_kept_out(), "");
}

// Lets nobody in and sends everybody away at once.
TEST_F(KeptOutAgents, AskOnceASecondWhateverTheDaemonDoes) {
  ListeningSocket socket(path_, Admission::owner_only);
  const UniqueFd listening = socket.take();
  ::fcntl(listening.get(), F_SETFL, 0);  // accept() waits
  const auto start = steady_clock::now();
  constexpr int asked = 3;
  std::thread daemon([&] {
    for (int i = 0; i < asked; ++i) {
      const UniqueFd agents(::accept4(listening.get(), nullptr, nullptr, SOCK_CLOEXEC));
      EXPECT_TRUE(receive_message(agents.get()));
      EXPECT_TRUE(send_message(agents.get(), static_cast<std::uint32_t>(wire::Type::kept_out), "not today"));
    }
  });
  const auto agent = this->agent();
  agent->start();
  daemon.join();
  EXPECT_GE(steady_clock::now() - start, std::chrono::seconds(asked - 1));
}

}  // namespace
}  // namespace samepage::dedup
