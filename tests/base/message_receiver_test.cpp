// SPDX-License-Identifier: Apache-2.0
#include "base/message_receiver.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <array>
#include <cstring>
#include <tuple>

namespace samepage {
namespace {

struct Pair {
  UniqueFd ours, peer;
  Pair() { std::tie(ours, peer) = connected_sockets(); }
};

std::string bytes_of(std::uint32_t type, std::string_view payload) {
  const MessageHeader header{static_cast<std::uint32_t>(payload.size()), type};
  std::string bytes(sizeof(header), '\0');
  std::memcpy(bytes.data(), &header, sizeof(header));
  return bytes.append(payload);
}

TEST(MessageReceiver, AMessageMayComeByteByByteAndNobodyWaits) {
  const Pair pair;
  MessageReceiver receiver;
  EXPECT_EQ(receiver.receive(pair.ours.get()), MessageReceiver::State::partial);
  EXPECT_FALSE(receiver.begun());
  const std::string bytes = bytes_of(4, "hello");
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    ASSERT_EQ(::send(pair.peer.get(), &bytes[i], 1, 0), 1);
    const auto expected =
        i + 1 < bytes.size() ? MessageReceiver::State::partial : MessageReceiver::State::whole;
    ASSERT_EQ(receiver.receive(pair.ours.get()), expected) << i;
    EXPECT_TRUE(receiver.begun());
  }
  const Message message = receiver.take();
  EXPECT_EQ(message.type, 4U);
  EXPECT_EQ(message.text(), "hello");
}

TEST(MessageReceiver, LeavesTheNextMessageForLater) {
  const Pair pair;
  ASSERT_TRUE(send_message(pair.peer.get(), 1, "one"));
  ASSERT_TRUE(send_message(pair.peer.get(), 2, ""));
  MessageReceiver receiver;
  ASSERT_EQ(receiver.receive(pair.ours.get()), MessageReceiver::State::whole);
  EXPECT_EQ(receiver.take().text(), "one");
  EXPECT_FALSE(receiver.begun());
  ASSERT_EQ(receiver.receive(pair.ours.get()), MessageReceiver::State::whole);
  EXPECT_EQ(receiver.take().type, 2U);
}

TEST(MessageReceiver, MoreDescriptorsThanAMessageMayHaveEndIt) {
  const Pair pair;
  const std::string bytes = bytes_of(1, std::string(32, 'x'));
  MessageReceiver receiver;
  auto state = MessageReceiver::State::partial;
  for (std::size_t i = 0; i < bytes.size() && state == MessageReceiver::State::partial; ++i) {
    std::array<int, 4> fds{pair.ours.get(), pair.ours.get(), pair.ours.get(), pair.ours.get()};
    iovec part{const_cast<char*>(&bytes[i]), 1};
    alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(sizeof(fds))> control{};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    cmsghdr* item = CMSG_FIRSTHDR(&message);
    item->cmsg_level = SOL_SOCKET;
    item->cmsg_type = SCM_RIGHTS;
    item->cmsg_len = CMSG_LEN(sizeof(fds));
    std::memcpy(CMSG_DATA(item), fds.data(), sizeof(fds));
    ASSERT_EQ(::sendmsg(pair.peer.get(), &message, 0), 1);
    state = receiver.receive(pair.ours.get());
  }
  EXPECT_EQ(state, MessageReceiver::State::gone);
}

TEST(MessageReceiver, APeerThatHangsUpIsGone) {
  Pair pair;
  pair.peer.reset();
  MessageReceiver receiver;
  EXPECT_EQ(receiver.receive(pair.ours.get()), MessageReceiver::State::gone);
}

}  // namespace
}  // namespace samepage
