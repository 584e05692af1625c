// SPDX-License-Identifier: Apache-2.0
#include "vmm/process/console_sessions.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>

#include "base/check.hpp"
#include "base/framing.hpp"
#include "vmm/control/console_stream.hpp"

namespace samepage::vmm {
namespace {

// The other end of a session's socket.
class Client {
 public:
  explicit Client(UniqueFd socket) : socket_(std::move(socket)) {}

  // All that has come so far; does not wait.
  void read() {
    std::array<char, 4096> bytes{};
    for (;;) {
      const ssize_t got = ::recv(socket_.get(), bytes.data(), bytes.size(), MSG_DONTWAIT);
      closed = got == 0;
      if (got <= 0) break;
      assembler_.add({bytes.data(), static_cast<std::size_t>(got)});
    }
    while (const auto message = assembler_.next()) {
      (message->type == ControlMessage::data ? seen : news) += message->payload;
    }
  }
  void type(std::string_view text) {
    ASSERT_EQ(::send(socket_.get(), text.data(), text.size(), 0), static_cast<ssize_t>(text.size()));
  }
  void hang_up() { socket_.reset(); }

  std::string seen;
  std::string news;
  bool closed = false;

 private:
  UniqueFd socket_;
  MessageAssembler assembler_;
};

class Sessions : public testing::Test {
 protected:
  Client attach(ConsolePort port = ConsolePort::com1) {
    auto [guests, clients] = connected_sockets();
    sessions_.add(std::move(guests), port);
    return Client(std::move(clients));
  }
  // The poll loop, until it would sleep.
  void serve() {
    for (;;) {
      std::vector<pollfd> waits;
      sessions_.add_waits(waits);
      if (check(::poll(waits.data(), waits.size(), 0), "poll") == 0) return;
      sessions_.serve(waits);
    }
  }
  // Half of what a reader may be behind, in numbered lines.
  std::string print_much() {
    std::string all;
    for (unsigned line = 0; all.size() < ConsoleLog::kept_for_watchers / 2; ++line) {
      const std::string text = fmt::format("line {}\n", line);
      log_.keep(text);
      all += text;
    }
    return all;
  }

  ConsoleLog log_{-1};
  std::size_t room_ = 1 << 20;  // how much input the guest takes
  std::string typed_;
  ConsolePort port_ = ConsolePort::com1;
  ConsoleSessions sessions_{log_, [this](std::span<const std::byte> input, ConsolePort port) {
                              const std::size_t taken = std::min(input.size(), room_);
                              for (const std::byte byte : input.first(taken)) {
                                typed_.push_back(std::to_integer<char>(byte));
                              }
                              room_ -= taken;
                              port_ = port;
                              return taken;
                            }};
};

TEST_F(Sessions, BeginWithWhatWasPrintedLast) {
  log_.keep("before\n");
  Client client = attach();
  serve();
  client.read();
  EXPECT_EQ(client.seen, "before\n");
  log_.keep("login: ");
  serve();
  client.read();
  EXPECT_EQ(client.seen, "before\nlogin: ");
}

TEST_F(Sessions, AllSeeAndAllType) {
  Client one = attach();
  Client other = attach(ConsolePort::hvc0);
  one.type("one");
  serve();
  EXPECT_EQ(port_, ConsolePort::com1);
  other.type(" other");
  serve();
  EXPECT_EQ(port_, ConsolePort::hvc0);
  EXPECT_EQ(typed_, "one other");
  log_.keep("answer");
  serve();
  for (Client* client : {&one, &other}) {
    client->read();
    EXPECT_EQ(client->seen, "answer");
  }
}

TEST_F(Sessions, AClientThatDoesNotReadMissesAPartAndHoldsUpNobody) {
  Client slow = attach();
  Client quick = attach();
  std::string all;
  for (int turn = 0; turn < 16; ++turn) {
    all += print_much();
    for (std::size_t before = 1; before != quick.seen.size();) {
      before = quick.seen.size();
      serve();
      quick.read();
    }
  }
  EXPECT_TRUE(quick.seen == all);
  for (std::size_t before = 1; before != slow.seen.size();) {
    before = slow.seen.size();
    serve();
    slow.read();
  }
  const std::size_t mark = slow.seen.find("\r\n[samepage: ");
  ASSERT_NE(mark, std::string::npos);
  EXPECT_TRUE(slow.seen.substr(0, mark) == all.substr(0, mark));
  const std::string what = " bytes of output left out here]\r\n";
  const std::size_t after = slow.seen.find(what, mark) + what.size();
  EXPECT_TRUE(slow.seen.substr(after) == all.substr(all.size() - (slow.seen.size() - after)));
  EXPECT_EQ(std::stoul(slow.seen.substr(mark + 13)), all.size() - mark - (slow.seen.size() - after));
}

TEST_F(Sessions, InputThatTheGuestHasNoRoomForWaitsUntilItHas) {
  Client client = attach();
  serve();
  room_ = 3;
  client.type("abcdef");
  serve();  // comes to rest although there is more
  EXPECT_EQ(typed_, "abc");
  client.type("ghi");
  serve();
  EXPECT_EQ(typed_, "abc");
  room_ = 100;
  log_.wake();
  serve();
  EXPECT_EQ(typed_, "abcdefghi");
}

TEST_F(Sessions, WhoHangsUpIsGone) {
  Client client = attach();
  Client stays = attach();
  client.type("last words");
  client.hang_up();
  serve();
  EXPECT_EQ(typed_, "last words");
  EXPECT_EQ(sessions_.size(), 1U);
  room_ = 0;
  stays.type("not taken");
  serve();
  stays.hang_up();
  serve();
  EXPECT_EQ(sessions_.size(), 0U);
}

TEST_F(Sessions, HaveALimit) {
  std::vector<Client> clients;
  for (std::size_t i = 0; i < ConsoleSessions::most; ++i) {
    EXPECT_TRUE(sessions_.has_room());
    clients.push_back(attach());
  }
  EXPECT_FALSE(sessions_.has_room());
}

TEST_F(Sessions, EndWithTheLastOutputAndTheGuestsStatus) {
  Client client = attach();
  log_.keep("bye\n");
  sessions_.finish(7);
  client.read();
  EXPECT_EQ(client.seen, "bye\n");
  const auto news = nlohmann::json::parse(client.news);
  EXPECT_EQ(news.value("ended", false), true);
  EXPECT_EQ(news.value("status", -1), 7);
  EXPECT_TRUE(client.closed);
  EXPECT_EQ(sessions_.size(), 0U);
}

}  // namespace
}  // namespace samepage::vmm
