// SPDX-License-Identifier: Apache-2.0
// A guest's console as a stream of a connection.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/manage/libvirt/client.hpp"
#include "vmm/control/console_stream.hpp"

namespace samepage::libvirt::test {
namespace {

using testing::StartsWith;

const std::string web = std::string(web_bytes) + " ";

class Consoles : public Served {
 protected:
  void SetUp() override {
    client_.emplace(connect());
    client_->opened();
    const Message opened = client_->ask(201, web + "00000001 00000003 68766300 00000002");
    EXPECT_EQ(opened.header.status, Status::ok);
    serial_ = opened.header.serial;
    EXPECT_EQ(host_.done(), std::vector<std::string>{"console 'hvc' 2"});
  }

  Header stream(Status status) const {
    Header header;
    header.procedure = 201;
    header.type = MessageType::stream;
    header.serial = serial_;
    header.status = status;
    return header;
  }
  void print(std::string_view text) const {
    std::string bytes = vmm::packed(vmm::ControlMessage::data, text);
    ASSERT_TRUE(vmm::send_until(host_.guests_console.get(), bytes,
                                std::chrono::steady_clock::now() + std::chrono::seconds(20)));
  }
  /// "continue TEXT", "ok" or "error TEXT", of the next packet.
  std::string packet() {
    const std::optional<Message> message = client_->receive();
    if (!message) return "hung up";
    EXPECT_EQ(message->header.type, MessageType::stream);
    EXPECT_EQ(message->header.procedure, 201);
    EXPECT_EQ(message->header.serial, serial_);
    if (message->header.status == Status::ok) return "ok" + hex(message->payload);
    if (message->header.status == Status::error) return Client::text_of(*message);
    std::string text;
    for (const std::byte byte : message->payload) text += static_cast<char>(byte);
    return "more " + text;
  }
  std::string typed(std::size_t size) const {
    std::string text(size, '\0');
    std::size_t got = 0;
    limit_waits(host_.guests_console.get(), {20, 0});
    while (got < size) {
      const ssize_t now = ::recv(host_.guests_console.get(), text.data() + got, size - got, 0);
      if (now <= 0) break;
      got += static_cast<std::size_t>(now);
    }
    text.resize(got);
    return text;
  }

  std::optional<Client> client_;
  std::uint32_t serial_ = 0;
};

TEST_F(Consoles, CarryBothWays) {
  print("login: ");
  EXPECT_EQ(packet(), "more login: ");
  client_->send(stream(Status::more), "726f6f74 0a");
  EXPECT_EQ(typed(5), "root\n");
  EXPECT_EQ(client_->answer(51), "00000001") << "calls go on beside it";
}

TEST_F(Consoles, EndWhenTheClientLeaves) {
  client_->send(stream(Status::ok));
  EXPECT_EQ(packet(), "ok");
  EXPECT_EQ(typed(1), "") << "the guest's process sees that nobody is there";
  client_->send(stream(Status::more), "78");  // late
  client_->send(stream(Status::ok));
  EXPECT_EQ(client_->answer(51), "00000001");
}

TEST_F(Consoles, EndWhenTheClientBreaksOff) {
  client_->send(stream(Status::error));
  EXPECT_EQ(packet(), "ok");
  EXPECT_EQ(typed(1), "");
}

TEST_F(Consoles, TheGuestsEndIsAnEmptyPacketThatTheClientAnswers) {
  print("bye");
  host_.guests_console.reset();
  EXPECT_EQ(packet(), "more bye");
  EXPECT_EQ(packet(), "more ");
  client_->send(stream(Status::more), "78");  // too late, not answered
  client_->send(stream(Status::ok));
  EXPECT_EQ(packet(), "ok");
  EXPECT_EQ(client_->answer(51), "00000001");
}

TEST_F(Consoles, TheGuestsLastWordIsItsEndToo) {
  std::string bytes = vmm::packed(vmm::ControlMessage::answer, R"({"ok": true, "ended": true})");
  ASSERT_TRUE(vmm::send_until(host_.guests_console.get(), bytes,
                              std::chrono::steady_clock::now() + std::chrono::seconds(20)));
  EXPECT_EQ(packet(), "more ");
  host_.guests_console.reset();
  EXPECT_EQ(client_->answer(51), "00000001") << "told once";
}

TEST_F(Consoles, LongOutputComesInPieces) {
  const std::string text(600'000, 'x');
  print(text);
  std::string got;
  while (got.size() < text.size()) {
    const std::string piece = packet();
    ASSERT_THAT(piece, StartsWith("more "));
    EXPECT_LE(piece.size() - 5, 262120U);
    got += piece.substr(5);
  }
  EXPECT_EQ(got, text);
}

TEST_F(Consoles, WhatAGuestDoesNotReadEndsTheStreamAlone) {
  std::string much;
  for (int i = 0; i < 64 * 1024; ++i) much += "78";
  for (int i = 0; i < 40; ++i) client_->send(stream(Status::more), much);
  EXPECT_THAT(packet(), StartsWith("error 9:"));
  EXPECT_EQ(client_->answer(51), "00000001");
}

TEST_F(Consoles, NonsenseFromTheGuestsProcessEndsTheStreamAlone) {
  const Bytes nonsense = from_hex("ffffffff ffffffff ffffffff");
  ASSERT_EQ(::send(host_.guests_console.get(), nonsense.data(), nonsense.size(), MSG_NOSIGNAL), 12);
  EXPECT_THAT(packet(), StartsWith("error 9:"));
  EXPECT_EQ(client_->answer(51), "00000001");
}

TEST_F(Consoles, WhatTheClientDoesNotReadStaysWithTheGuest) {
  std::string bytes;
  const std::string page(64 * 1024, 'x');
  std::size_t taken = 0;
  // The server takes what its bounds allow, and then no more.
  const auto full = [&] {
    bytes = vmm::packed(vmm::ControlMessage::data, page);
    return !vmm::send_until(host_.guests_console.get(), bytes,
                            std::chrono::steady_clock::now() + std::chrono::milliseconds(300));
  };
  while (!full()) {
    taken += page.size();
    ASSERT_LT(taken, std::size_t{16} << 20U);
  }
  EXPECT_EQ(connect().opened().answer(51), "00000001") << "others are served";
  std::size_t got = 0;
  while (got < taken) got += packet().size() - 5;
}

TEST_F(Consoles, GoWithTheirConnection) {
  client_->hang_up();
  EXPECT_EQ(typed(1), "");
}

TEST_F(Consoles, ThereAreOnlySoMany) {
  std::vector<UniqueFd> guests;
  for (int i = 1; i < 8; ++i) {
    guests.push_back(std::move(host_.guests_console));
    EXPECT_EQ(client_->answer(201, web + "00000000 00000000"), "");
  }
  guests.push_back(std::move(host_.guests_console));
  EXPECT_THAT(client_->answer(201, web + "00000000 00000000"), StartsWith("error 9:"));
  EXPECT_EQ(typed(1), "") << "the last one is closed";
}

}  // namespace
}  // namespace samepage::libvirt::test
