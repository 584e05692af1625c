// SPDX-License-Identifier: Apache-2.0
// Who is let in, and what is left of a guest that is not: nothing. What a user is shown of others: nothing.
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <boost/asio/io_context.hpp>
#include <string>
#include <thread>
#include <vector>

#include "base/check.hpp"
#include "base/framing.hpp"
#include "base/json.hpp"
#include "base/pipe.hpp"
#include "base/temporary_directory.hpp"
#include "dedup/daemon/server.hpp"
#include "dedup/daemon_client.hpp"
#include "dedup/listening_socket.hpp"
#include "dedup/protocol.hpp"
#include "tests/base/descriptor_limit.hpp"
#include "tests/base/wait_until.hpp"

namespace samepage::dedup {
namespace {

wire::Hello hello_of(const std::string& name, const std::string& domain) {
  wire::Hello hello;
  hello.pages = 16;
  name.copy(hello.guest, wire::max_name - 1);
  domain.copy(hello.domain, wire::max_name - 1);
  return hello;
}

class Joining : public testing::Test {
 protected:
  // A connection of a process of its own, whose HELLO is said already.
  UniqueFd dial(const std::string& name, const std::string& domain = "default") {
    auto [ours, theirs] = connected_sockets();
    Pipe process = make_pipe();
    alive_.push_back(std::move(process.writing));
    server_->adopt(std::move(theirs), std::move(process.reading));
    const wire::Hello hello = hello_of(name, domain);
    EXPECT_TRUE(
        send_message(ours.get(), static_cast<std::uint32_t>(wire::Type::hello), wire::bytes_of(hello)));
    return std::move(ours);
  }
  void serve() {
    io_.restart();
    while (io_.poll() > 0) {
    }
  }
  static bool is(const std::optional<Message>& message, wire::Type type) {
    return message && message->type == static_cast<std::uint32_t>(type);
  }
  void serve_with(const ServerConfig& config) {
    alive_.clear();
    sockets_.clear();
    serve();  // what the last one has to do with them
    server_ = std::make_unique<Server>(io_, config);
  }
  // What the daemon answers to the HELLO of one more guest.
  std::optional<Message> answer_to_one_more() {
    sockets_.push_back(dial("guest"));
    serve();
    return receive_message(sockets_.back().get());
  }
  nlohmann::json guests() const { return server_->statistics().at("guests"); }

  boost::asio::io_context io_{1};
  std::vector<UniqueFd> alive_, sockets_;
  std::unique_ptr<Server> server_ = std::make_unique<Server>(io_, ServerConfig{});
};

// With no, one, two... descriptors to be had the join fails at one step after the other.
TEST_F(Joining, AJoinThatFailsHalfWayLeavesNothing) {
  const DescriptorLimit limit;
  bool joined = false;
  int refusals = 0;
  for (rlim_t more = 0; !joined; ++more) {
    const UniqueFd socket = dial("guest", "domain-" + std::to_string(more));
    const UniqueFd lowest_free(::dup(socket.get()));
    limit.set(static_cast<rlim_t>(lowest_free.get()) + 1 + more);
    serve();
    limit.raise();
    const auto answer = receive_message(socket.get());
    joined = is(answer, wire::Type::welcome);
    if (joined) continue;
    ++refusals;
    ASSERT_TRUE(is(answer, wire::Type::refused)) << "with " << more << " more descriptors";
    EXPECT_NE(answer->text().find("ulimit -n"), std::string_view::npos) << answer->text();
    EXPECT_TRUE(guests().empty());
    // The daemon looks at all its domains, whole ones only, and the same domain can be made now.
    const UniqueFd again = dial("guest", "domain-" + std::to_string(more));
    serve();
    EXPECT_TRUE(is(receive_message(again.get()), wire::Type::welcome));
    alive_.clear();
    serve();
    EXPECT_TRUE(guests().empty());
  }
  EXPECT_GE(refusals, 3) << "staging area, store, the agent's descriptor of it";
  EXPECT_EQ(guests().size(), 1U);
}

TEST_F(Joining, UsersWhoLookAlikeAreRefused) {
  ServerConfig config;
  config.admission.unmapped_uid = ::geteuid();
  serve_with(config);
  const UniqueFd socket = dial("guest");
  serve();
  const auto answer = receive_message(socket.get());
  ASSERT_TRUE(is(answer, wire::Type::refused));
  EXPECT_NE(answer->text().find("user namespace"), std::string_view::npos) << answer->text();
  EXPECT_TRUE(guests().empty());
}

TEST_F(Joining, AUserSeesNobodyElsesGuests) {
  const UniqueFd socket = dial("guest");
  serve();
  const auto as = [&](uid_t uid) { return server_->statistics(Server::Costs::left_out, uid); };
  EXPECT_EQ(as(::geteuid()).at("guests").size(), 1U);
  const nlohmann::json seen = as(::geteuid() + 1);
  EXPECT_TRUE(seen.at("guests").empty());
  EXPECT_GT(server_->statistics().at("host").at("metadata_bytes").get<std::uint64_t>(), 0U);
  for (const char* figure : {"metadata_bytes", "store_bytes", "staging_bytes", "pages_shared", "breaks"}) {
    EXPECT_EQ(seen.at("host").at(figure).get<std::uint64_t>(), 0U) << figure;
  }
}

TEST_F(Joining, AUserHasSoManyGuests) {
  ServerConfig config;
  config.admission.trusted = {};
  config.admission.user_guests = 3;
  serve_with(config);
  for (int guest = 0; guest < 3; ++guest) EXPECT_TRUE(is(answer_to_one_more(), wire::Type::welcome));
  const auto answer = answer_to_one_more();
  ASSERT_TRUE(is(answer, wire::Type::refused));
  EXPECT_NE(answer->text().find("--user-guests"), std::string_view::npos) << answer->text();
  alive_.erase(alive_.begin());
  serve();
  EXPECT_TRUE(is(answer_to_one_more(), wire::Type::welcome)) << "one has gone";
  config.admission.trusted = {::geteuid()};
  serve_with(config);
  for (int guest = 0; guest < 5; ++guest) EXPECT_TRUE(is(answer_to_one_more(), wire::Type::welcome));
}

TEST_F(Joining, AUserHasSoMuchMemory) {
  ServerConfig config;
  config.admission.trusted = {};
  config.admission.user_memory = 2U << 20U;
  serve_with(config);
  std::optional<Message> answer;
  for (int guest = 0; guest < 10 && !is(answer, wire::Type::refused); ++guest) answer = answer_to_one_more();
  ASSERT_TRUE(is(answer, wire::Type::refused));
  EXPECT_NE(answer->text().find("--user-memory"), std::string_view::npos) << answer->text();
  const auto used = [&] { return server_->statistics().at("users").at(0).at("bytes").get<std::uint64_t>(); };
  EXPECT_GT(used(), 1U << 20U);
  EXPECT_LE(used(), 2U << 20U);
  alive_.clear();
  sockets_.clear();
  serve();
  EXPECT_TRUE(server_->statistics().at("users").empty()) << "nothing is charged any more";
}

// Answers that nobody fetches are kept up to a limit; beyond it the peer is not listened to, but not cut off.
TEST_F(Joining, WhoDoesNotReadIsNotRead) {
  ASSERT_TRUE(is(answer_to_one_more(), wire::Type::welcome));
  const int socket = sockets_.back().get();
  ASSERT_TRUE(is(receive_message(socket), wire::Type::guard));
  struct {
    MessageHeader header{sizeof(wire::Sync), static_cast<std::uint32_t>(wire::Type::sync)};
    wire::Sync sync;
  } question;
  constexpr std::uint32_t far_too_many = 4'000'000;
  std::uint32_t asked = 0;
  for (int idle = 0; idle < 3 && asked < far_too_many;) {
    question.sync.number = asked;
    if (::send(socket, &question, sizeof(question), MSG_DONTWAIT | MSG_NOSIGNAL) > 0) {
      ++asked;
      idle = 0;
    } else {
      ASSERT_EQ(errno, EAGAIN) << "it was cut off";
      serve();
      ++idle;
    }
  }
  EXPECT_LT(asked, far_too_many);
  for (std::uint32_t number = 0; number < asked; ++number) {
    // It goes on where it can: fetch what is there, let the daemon say more.
    std::array<std::byte, sizeof(question)> whole{};
    if (::recv(socket, whole.data(), whole.size(), MSG_PEEK | MSG_DONTWAIT) <
        static_cast<ssize_t>(whole.size()))
      serve();
    const auto answer = receive_message(socket);
    ASSERT_TRUE(is(answer, wire::Type::synced));
    ASSERT_EQ(wire::read_one<wire::Sync>(answer->payload)->number, number);
  }
}

// All of these guests have one process number, as those that are outside of the daemon's pid namespace do.
TEST_F(Joining, ManyProcessesOfOneNumberAndAnAnswerOfManyMessages) {
  const DescriptorLimit limit;
  limit.raise();
  const TemporaryDirectory directory;
  const std::string path = directory.path() + "/socket";
  ListeningSocket listening(path, Admission::owner_only);
  server_->listen(listening.take());
  std::vector<UniqueFd> sockets;
  const std::string padding(50, 'x');
  constexpr std::size_t count = 400;
  for (std::size_t guest = 0; guest < count; ++guest) {
    sockets.push_back(dial(padding + std::to_string(guest)));
    serve();
  }
  nlohmann::json answer;
  std::atomic<bool> done = false;
  std::thread command([&] {
    if (const auto got = ask_daemon(path, {{"do", "counts"}})) answer = *got;
    done = true;
  });
  step_until(
      "the command is answered", [&] { serve(); }, [&] { return done.load(); });
  command.join();
  EXPECT_GT(answer.dump().size(), wire::max_reply_part);
  EXPECT_EQ(answer.at("guests").size(), count);
}

}  // namespace
}  // namespace samepage::dedup
