// SPDX-License-Identifier: Apache-2.0
// Connections that are not a guest's: they are kept neither for ever nor in any number.
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <boost/asio/io_context.hpp>
#include <cerrno>
#include <string_view>
#include <vector>

#include "base/check.hpp"
#include "base/framing.hpp"
#include "base/json.hpp"
#include "base/pipe.hpp"
#include "dedup/daemon/server.hpp"
#include "dedup/protocol.hpp"
#include "tests/base/wait_until.hpp"

namespace samepage::dedup {
namespace {

class PendingConnection : public testing::Test {
 protected:
  static ServerConfig config() {
    ServerConfig config;
    config.pending_timeout = std::chrono::milliseconds(1);
    config.admission.user_pending = 3;
    return config;
  }
  UniqueFd dial() {
    auto [ours, theirs] = connected_sockets();
    Pipe process = make_pipe();
    alive_.push_back(std::move(process.writing));
    server_.adopt(std::move(theirs), std::move(process.reading));
    return std::move(ours);
  }
  static bool open(const UniqueFd& socket) {
    std::array<char, 256> bytes{};
    for (;;) {
      const ssize_t got = ::recv(socket.get(), bytes.data(), bytes.size(), MSG_DONTWAIT);
      if (got > 0) continue;
      return got < 0 && errno == EAGAIN;
    }
  }
  void serve_until_closed(const UniqueFd& socket) {
    step_until(
        "the connection is closed", [this] { io_.run_one_for(std::chrono::seconds(1)); },
        [&] { return !open(socket); });
  }

  boost::asio::io_context io_{1};
  std::vector<UniqueFd> alive_;
  Server server_{io_, config()};
};

TEST_F(PendingConnection, WhoSaysNothingIsCutOff) {
  serve_until_closed(dial());
}

TEST_F(PendingConnection, HalfAMessageDoesNotHelp) {
  const UniqueFd socket = dial();
  const MessageHeader header{100, static_cast<std::uint32_t>(wire::Type::query)};
  ASSERT_EQ(::write(socket.get(), &header, sizeof(header)), static_cast<ssize_t>(sizeof(header)));
  serve_until_closed(socket);
}

TEST_F(PendingConnection, AnAnswerIsNoReasonToStay) {
  const UniqueFd socket = dial();
  ASSERT_TRUE(send_message(socket.get(), static_cast<std::uint32_t>(wire::Type::query),
                           std::string_view("{\"do\":\"stat\"}")));
  serve_until_closed(socket);
}

TEST_F(PendingConnection, AGuestMayBeSilent) {
  wire::Hello hello;
  hello.pages = 16;
  std::string_view("guest").copy(hello.guest, 8);
  std::string_view("default").copy(hello.domain, 8);
  UniqueFd guest;
  while (server_.statistics().at("guests").empty()) {
    if (!guest || !open(guest)) {  // on a busy host it may be cut off before it is heard
      guest = dial();
      ASSERT_TRUE(
          send_message(guest.get(), static_cast<std::uint32_t>(wire::Type::hello), wire::bytes_of(hello)));
    }
    // Asking for figures may take longer than a pending connection has: all that is there is handled before.
    io_.run_one();
    io_.poll();
  }
  serve_until_closed(dial());  // its own limit is past by then
  EXPECT_TRUE(open(guest));
}

TEST_F(PendingConnection, AUserHasAFewAtATime) {
  std::array<UniqueFd, 3> sockets;
  for (UniqueFd& socket : sockets) socket = dial();
  EXPECT_THROW(dial(), UserError);
  for (const UniqueFd& socket : sockets) serve_until_closed(socket);
  io_.poll();
  EXPECT_NO_THROW(dial()) << "those that are gone do not count";
}

}  // namespace
}  // namespace samepage::dedup
