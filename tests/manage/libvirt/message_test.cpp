// SPDX-License-Identifier: Apache-2.0
#include "manage/libvirt/message.hpp"

#include <gtest/gtest.h>

#include <new>
#include <stdexcept>
#include <system_error>

#include "base/check.hpp"
#include "tests/manage/libvirt/hex.hpp"

namespace samepage::libvirt::test {
namespace {

// CONNECT_OPEN of "", read-only, as a client sends it.
constexpr const char* opening =
    "00000028 20008086 00000001 00000001 00000000 00000005 00000000 00000001 00000000 00000001";

TEST(Messages, AreReadAsTheyCome) {
  const Bytes bytes = from_hex(opening);
  MessageAssembler messages;
  for (std::size_t i = 0; i + 1 < bytes.size(); ++i) {
    messages.add(std::span(bytes).subspan(i, 1));
    EXPECT_FALSE(messages.next()) << "after byte " << i;
  }
  messages.add(std::span(bytes).last(1));
  const std::optional<Message> message = messages.next();
  ASSERT_TRUE(message);
  EXPECT_EQ(message->header.program, remote_program);
  EXPECT_EQ(message->header.version, 1U);
  EXPECT_EQ(message->header.procedure, 1);
  EXPECT_EQ(message->header.type, MessageType::call);
  EXPECT_EQ(message->header.serial, 5U);
  EXPECT_EQ(message->header.status, Status::ok);
  EXPECT_EQ(hex(message->payload), "00000001 00000000 00000001");
  EXPECT_FALSE(messages.next());
}

TEST(Messages, SeveralAtOnceComeInOrder) {
  Bytes bytes = from_hex(opening);
  const Bytes second = from_hex("0000001c 6b656570 00000001 00000001 00000002 00000000 00000000 0000");
  bytes.insert(bytes.end(), second.begin(), second.end());
  MessageAssembler messages;
  messages.add(bytes);
  EXPECT_EQ(messages.next()->header.program, remote_program);
  EXPECT_EQ(messages.next()->header.program, keepalive_program);
  EXPECT_FALSE(messages.next());
  messages.add(from_hex("001c"));
  EXPECT_FALSE(messages.next());
  EXPECT_FALSE(messages.is_broken());
}

TEST(Messages, LengthsThatMakeNoSenseEndIt) {
  for (const char* length : {"00000000", "00000003", "0000001b", "00800001", "02000005", "ffffffff"}) {
    MessageAssembler messages;
    messages.add(from_hex(length));
    EXPECT_FALSE(messages.next());
    EXPECT_TRUE(messages.is_broken()) << length;
    messages.add(from_hex(opening));
    EXPECT_FALSE(messages.next()) << "where a message ends is not known any more";
  }
}

TEST(Messages, ALongOneIsNoLongerThanItMayBe) {
  MessageAssembler messages;
  messages.limit(40);
  messages.add(from_hex(opening));
  EXPECT_TRUE(messages.next());
  messages.limit(39);
  messages.add(from_hex(opening));
  EXPECT_FALSE(messages.next());
  EXPECT_TRUE(messages.is_broken());
}

TEST(Messages, AReplyHasTheNumbersOfItsCall) {
  MessageAssembler messages;
  messages.add(from_hex(opening));
  XdrWriter payload = payload_writer();
  payload.text("hi");
  EXPECT_EQ(hex(packed(reply_to(messages.next()->header), std::move(payload))),
            "00000024 20008086 00000001 00000001 00000001 00000005 00000000 00000002 68690000");
}

TEST(Messages, AnErrorIsLaidOutAsClientsReadIt) {
  Header call;
  call.procedure = 23;
  call.serial = 9;
  EXPECT_EQ(hex(error_message(reply_to(call), {VIR_ERR_NO_DOMAIN, "gone"})),
            "00000060 20008086 00000001 00000017 00000001 00000009 00000001 "
            "0000002a 00000014 00000001 00000004 676f6e65 00000002 00000000 "
            "00000001 00000002 25730000 00000001 00000004 676f6e65 00000000 ffffffff ffffffff 00000000");
}

virErrorNumber code_of(auto thrown) {
  try {
    throw thrown;
  } catch (...) {
    return error_from(std::current_exception()).code();
  }
}

TEST(Messages, WhateverIsThrownIsAnError) {
  EXPECT_EQ(code_of(no_domain("x")), VIR_ERR_NO_DOMAIN);
  EXPECT_EQ(code_of(std::bad_alloc()), VIR_ERR_NO_MEMORY);
  EXPECT_EQ(code_of(std::system_error(EIO, std::generic_category())), VIR_ERR_SYSTEM_ERROR);
  EXPECT_EQ(code_of(UserError("x")), VIR_ERR_OPERATION_FAILED);
  EXPECT_EQ(code_of(std::runtime_error("x")), VIR_ERR_INTERNAL_ERROR);
}

}  // namespace
}  // namespace samepage::libvirt::test
