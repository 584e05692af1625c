// SPDX-License-Identifier: Apache-2.0
#include "vmm/control/control_message.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <array>
#include <atomic>
#include <thread>

#include "base/framing.hpp"
#include "vmm/control/console_stream.hpp"

namespace samepage::vmm {
namespace {

using nlohmann::json;

struct Pair {
  UniqueFd client;
  UniqueFd guest;
};

Pair make_pair_of_sockets() {
  auto [client, guest] = connected_sockets();
  return {std::move(client), std::move(guest)};
}

void send_answer(int socket, const ControlAnswer& answer) {
  std::string bytes = packed(answer);
  EXPECT_TRUE(send_until(socket, bytes, std::chrono::steady_clock::now() + std::chrono::seconds(60)));
}

TEST(ControlMessage, AnAnswerComesWithMoreDataThanOneMessageHolds) {
  const Pair pair = make_pair_of_sockets();
  const std::string data(3 * std::size_t{max_payload} + 5, 'd');
  std::thread guest([&] {
    const auto request = receive_message(pair.guest.get());
    ASSERT_TRUE(request);
    EXPECT_EQ(json::parse(request->text()), (json{{"do", "map"}}));
    send_answer(pair.guest.get(), {{{"ok", true}}, data});
  });
  const auto answer = ask(pair.client.get(), {{"do", "map"}});
  guest.join();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->body, (json{{"ok", true}}));
  EXPECT_EQ(answer->data, data);
}

TEST(ControlMessage, AGuestThatGoesAwayIsNoAnswer) {
  Pair pair = make_pair_of_sockets();
  pair.guest.reset();
  EXPECT_FALSE(ask(pair.client.get(), {{"do", "stat"}}));
}

TEST(ControlMessage, AnAnswerThatIsNoObjectIsNoAnswer) {
  const Pair pair = make_pair_of_sockets();
  send_answer(pair.guest.get(), {json::array({1}), {}});
  EXPECT_FALSE(ask(pair.client.get(), {{"do", "stat"}}));
}

TEST(ControlMessage, AGuestThatSendsAByteNowAndThenHasOneDeadlineForAll) {
  const Pair pair = make_pair_of_sockets();
  std::atomic<bool> done = false;
  std::thread guest([&] {
    const std::string bytes = packed({{{"ok", true}}, std::string(100'000, 'd')});
    for (std::size_t i = 0; i < bytes.size() && !done; ++i) {
      static_cast<void>(::send(pair.guest.get(), &bytes[i], 1, MSG_NOSIGNAL));
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  });
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(50);
  EXPECT_FALSE(ask(pair.client.get(), {{"do", "stat"}}, {}, deadline));
  done = true;
  guest.join();
}

}  // namespace
}  // namespace samepage::vmm
