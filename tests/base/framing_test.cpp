// SPDX-License-Identifier: Apache-2.0
#include "base/framing.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <thread>
#include <tuple>

#include "base/pipe.hpp"

namespace samepage {
namespace {

struct Pair {
  UniqueFd a, b;
  Pair() { std::tie(a, b) = connected_sockets(); }
};

TEST(Framing, AMessageArrivesWithItsDescriptors) {
  const Pair pair;
  const Pipe pipe = make_pipe();
  ASSERT_TRUE(send_message(pair.a.get(), 7, "hello", std::array{pipe.writing.get()}));
  const auto message = receive_message(pair.b.get());
  ASSERT_TRUE(message);
  EXPECT_EQ(message->type, 7U);
  EXPECT_EQ(message->text(), "hello");
  ASSERT_EQ(message->fds.size(), 1U);
  ASSERT_EQ(::write(message->fds[0].get(), "x", 1), 1);
  char byte = 0;
  EXPECT_EQ(::read(pipe.reading.get(), &byte, 1), 1);
}

TEST(Framing, AShortMessageIsSentAtOnceOrNotAtAll) {
  Pair pair;
  const std::array<std::byte, 300> payload{};
  std::size_t sent = 0;
  while (try_send_message(pair.a.get(), 7, payload, std::array{pair.a.get()}) == Sent::whole) ++sent;
  EXPECT_EQ(try_send_message(pair.a.get(), 7, payload, {}), Sent::later) << "nobody reads";
  for (; sent > 0; --sent) {
    const auto message = receive_message(pair.b.get());
    ASSERT_TRUE(message);
    EXPECT_EQ(message->payload.size(), payload.size());
    EXPECT_EQ(message->fds.size(), 1U);
  }
  EXPECT_EQ(try_send_message(pair.a.get(), 7, payload, {}), Sent::whole);
  pair.b.reset();
  EXPECT_EQ(try_send_message(pair.a.get(), 7, payload, {}), Sent::gone);
}

TEST(Framing, AMessageLargerThanTheSocketsBufferArrivesWhole) {
  const Pair pair;
  const std::string large(max_payload, 'x');
  std::thread sender([&] { EXPECT_TRUE(send_message(pair.a.get(), 1, large)); });
  const auto message = receive_message(pair.b.get());
  sender.join();
  ASSERT_TRUE(message);
  EXPECT_EQ(message->text(), large);
}

TEST(Framing, AnAbsurdLengthIsRefused) {
  const Pair pair;
  const MessageHeader header{max_payload + 1, 1};
  ASSERT_EQ(::write(pair.a.get(), &header, sizeof(header)), static_cast<ssize_t>(sizeof(header)));
  EXPECT_FALSE(receive_message(pair.b.get()));
}

TEST(Framing, APeerThatHangsUpInTheMiddleIsGone) {
  Pair pair;
  const MessageHeader header{10, 1};
  ASSERT_EQ(::write(pair.a.get(), &header, sizeof(header)), static_cast<ssize_t>(sizeof(header)));
  pair.a.reset();
  EXPECT_FALSE(receive_message(pair.b.get()));
  EXPECT_FALSE(send_message(pair.b.get(), 1, "anybody?"));
}

}  // namespace
}  // namespace samepage
