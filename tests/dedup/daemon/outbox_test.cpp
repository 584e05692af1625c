// SPDX-License-Identifier: Apache-2.0
#include "dedup/daemon/outbox.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "base/framing.hpp"

namespace samepage::dedup {
namespace {

class OutboxTest : public testing::Test {
 protected:
  static constexpr std::size_t header = sizeof(MessageHeader);

  [[nodiscard]] bool add(std::size_t bytes) {
    return outbox_.add(wire::Type::verdict, std::vector<std::byte>(bytes));
  }

  std::shared_ptr<Account> account_ = std::make_shared<Account>(std::uint64_t{1} << 30U);
  AccountShare share_{account_};
  Outbox outbox_{share_};
};

TEST_F(OutboxTest, MessagesGoOutInOrderAndAreChargedUntilTheyAreSent) {
  EXPECT_FALSE(outbox_.ready());
  EXPECT_TRUE(add(10));
  EXPECT_TRUE(outbox_.ready());
  EXPECT_EQ(outbox_.begin_sending().size(), header + 10);
  EXPECT_FALSE(outbox_.ready());
  EXPECT_TRUE(add(20));
  EXPECT_FALSE(outbox_.ready()) << "one write at a time";
  EXPECT_EQ(outbox_.unread(), 2 * header + 30);
  EXPECT_EQ(account_->used(), 2 * header + 30);
  outbox_.sent();
  EXPECT_TRUE(outbox_.ready());
  EXPECT_EQ(account_->used(), header + 20);
  EXPECT_EQ(outbox_.begin_sending().size(), header + 20);
  outbox_.sent();
  EXPECT_EQ(account_->used(), 0U);
}

TEST_F(OutboxTest, WhatIsBeingSentStaysWhereItIs) {
  EXPECT_TRUE(add(10));
  const std::span<const std::byte> bytes = outbox_.begin_sending();
  for (int i = 0; i < 1000; ++i) EXPECT_TRUE(add(100));
  MessageHeader first;
  std::memcpy(&first, bytes.data(), header);
  EXPECT_EQ(first.length, 10U);
  EXPECT_EQ(first.type, static_cast<std::uint32_t>(wire::Type::verdict));
}

TEST_F(OutboxTest, APeerThatDoesNotReadIsNotWrittenToForEver) {
  const std::size_t large = Outbox::max_unread - 2 * header;
  EXPECT_TRUE(add(large));
  EXPECT_TRUE(add(0));
  EXPECT_FALSE(add(0));
  outbox_.add_anyway(wire::Type::refused, {});
  EXPECT_EQ(outbox_.unread(), Outbox::max_unread + header);
}

TEST_F(OutboxTest, AFullAccountTakesNoMessageButARefusal) {
  Outbox& outbox = outbox_;
  EXPECT_TRUE(share_.charge(account_->limit()));
  EXPECT_FALSE(add(1));
  EXPECT_FALSE(outbox.ready());
  outbox.add_anyway(wire::Type::refused, {});
  EXPECT_TRUE(outbox.ready());
}

}  // namespace
}  // namespace samepage::dedup
