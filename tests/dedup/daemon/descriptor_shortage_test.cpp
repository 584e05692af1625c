// SPDX-License-Identifier: Apache-2.0
// A daemon that has no descriptors left, by a real limit: guests that are there go on, whoever wants to join
// is told why not, `stat` is answered and names it, and it is over when there are descriptors again.
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <functional>
#include <string>

#include "base/check.hpp"
#include "base/framing.hpp"
#include "base/json.hpp"
#include "base/pipe.hpp"
#include "base/temporary_directory.hpp"
#include "dedup/daemon/server.hpp"
#include "dedup/listening_socket.hpp"
#include "dedup/protocol.hpp"
#include "tests/base/descriptor_limit.hpp"

namespace samepage::dedup {
namespace {

using Clock = std::chrono::steady_clock;
using nlohmann::json;

class DescriptorShortage : public testing::Test {
 protected:
  void SetUp() override { server_.listen(listening_.take()); }

  void serve() {
    io_.restart();
    while (io_.poll() > 0) {
    }
  }
  [[nodiscard]] bool serve_until(const std::function<bool()>& is_so) {
    for (const auto end = Clock::now() + std::chrono::minutes(1); Clock::now() < end;) {
      if (is_so()) return true;
      io_.restart();
      io_.run_one_for(std::chrono::milliseconds(50));
    }
    return false;
  }
  // Made while there are descriptors.
  static UniqueFd unconnected() {
    return checked_fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
  }
  void connect(const UniqueFd& socket) const {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path_.copy(address.sun_path, path_.size());
    // SAFETY: the sockets interface takes every address family as sockaddr.
    check(::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)), "connect");
  }
  std::optional<Message> answer_on(const UniqueFd& socket) {
    const auto readable = [&] {
      pollfd waiting{socket.get(), POLLIN, 0};
      return ::poll(&waiting, 1, 0) > 0;
    };
    return serve_until(readable) ? receive_message(socket.get()) : std::nullopt;
  }
  static bool send(const UniqueFd& socket, wire::Type type, std::span<const std::byte> payload) {
    return send_message(socket.get(), static_cast<std::uint32_t>(type), payload);
  }
  static bool say_hello(const UniqueFd& socket) {
    wire::Hello hello;
    hello.pages = 16;
    std::string("guest").copy(hello.guest, wire::max_name - 1);
    std::string("default").copy(hello.domain, wire::max_name - 1);
    return send(socket, wire::Type::hello, wire::bytes_of(hello));
  }
  std::optional<json> ask_stat(const UniqueFd& socket) {
    connect(socket);
    const std::string question = R"({"do": "stat"})";
    if (!send(socket, wire::Type::query, std::as_bytes(std::span(question)))) return std::nullopt;
    const auto answer = answer_on(socket);
    if (!is(answer, wire::Type::reply)) return std::nullopt;
    return json::parse(answer->text());
  }
  static bool is(const std::optional<Message>& message, wire::Type type) {
    return message && message->type == static_cast<std::uint32_t>(type);
  }
  static std::string shortages_in(const json& statistics) {
    return statistics.at("host").at("shortages").dump();
  }

  const DescriptorLimit limit_;
  const TemporaryDirectory directory_;
  const std::string path_ = directory_.path() + "/socket";
  boost::asio::io_context io_{1};
  Server server_{io_, ServerConfig{}};
  ListeningSocket listening_{path_, Admission::owner_only};
};

TEST_F(DescriptorShortage, IsToldAndWaitedOut) {
  const UniqueFd guest = unconnected(), asks = unconnected(), late = unconnected(), silent = unconnected(),
                 asks_again = unconnected(), later = unconnected();
  connect(guest);
  ASSERT_TRUE(say_hello(guest));
  ASSERT_TRUE(is(answer_on(guest), wire::Type::welcome));
  ASSERT_TRUE(is(answer_on(guest), wire::Type::guard));

  limit_.exhaust();
  const auto told = ask_stat(asks);
  ASSERT_TRUE(told) << "nobody can ask what is wrong";
  EXPECT_NE(shortages_in(*told).find("descriptors"), std::string::npos) << *told;
  EXPECT_EQ(told->at("guests").size(), 1U);
  ASSERT_EQ(::shutdown(asks.get(), SHUT_RDWR), 0);

  connect(late);
  ASSERT_TRUE(say_hello(late));
  const auto refusal = answer_on(late);
  ASSERT_TRUE(is(refusal, wire::Type::refused));
  EXPECT_NE(refusal->text().find("ulimit -n"), std::string_view::npos) << refusal->text();
  // The guest that is there goes on.
  const wire::Sync sync{7};
  ASSERT_TRUE(send(guest, wire::Type::sync, wire::bytes_of(sync)));
  EXPECT_TRUE(is(answer_on(guest), wire::Type::synced));
  // Who has the last descriptor and says nothing does not keep it.
  ASSERT_EQ(::shutdown(late.get(), SHUT_RDWR), 0);
  connect(silent);
  serve();
  const auto once_more = ask_stat(asks_again);
  ASSERT_TRUE(once_more);
  EXPECT_NE(shortages_in(*once_more).find("descriptors"), std::string::npos) << *once_more;

  limit_.raise();
  EXPECT_TRUE(serve_until([&] { return shortages_in(server_.statistics()) == "[]"; }))
      << shortages_in(server_.statistics());
  connect(later);
  ASSERT_TRUE(say_hello(later));
  EXPECT_TRUE(is(answer_on(later), wire::Type::welcome));
}

// The join itself finds none, in the midst of it.
TEST_F(DescriptorShortage, IsToldWhereAGuestCannotBeLetIn) {
  const UniqueFd guest = unconnected();
  connect(guest);
  serve();
  limit_.exhaust();
  ASSERT_TRUE(say_hello(guest));
  ASSERT_TRUE(is(answer_on(guest), wire::Type::refused));
  limit_.raise();
  EXPECT_NE(shortages_in(server_.statistics()).find("descriptors"), std::string::npos);
  EXPECT_TRUE(serve_until([&] { return shortages_in(server_.statistics()) == "[]"; }));
}

}  // namespace
}  // namespace samepage::dedup
