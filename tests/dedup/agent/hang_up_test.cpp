// SPDX-License-Identifier: Apache-2.0
// An agent waits for its daemon no longer than its guest lives. The daemon here says nothing at all, and the
// sockets wait for ever.
#include <gtest/gtest.h>
#include <unistd.h>

#include <thread>
#include <tuple>

#include "base/check.hpp"
#include "base/framing.hpp"
#include "dedup/agent/agent.hpp"
#include "dedup/agent/connection.hpp"

namespace samepage::dedup {
namespace {

class HangUpTest : public testing::Test {
 protected:
  HangUpTest() { std::tie(ours_, daemons_) = connected_sockets(); }

  void join(Connection& connection) const {
    connection.ask_to_join(config_, 16, 0);
    static_cast<void>(connection.finish_joining());
  }

  const AgentConfig config_{"guest", "default", Sharing::all, {}};
  HangUp hang_up_;
  UniqueFd ours_, daemons_;
};

TEST_F(HangUpTest, EndsTheWaitForAWelcome) {
  Connection connection(config_, hang_up_, std::move(ours_));
  std::thread joining([&] { EXPECT_THROW(join(connection), UserError); });
  EXPECT_TRUE(receive_message(daemons_.get()));  // it has said HELLO
  hang_up_.hang_up();
  joining.join();
}

TEST_F(HangUpTest, EndsASendThatNobodyReads) {
  Connection connection(config_, hang_up_, std::move(ours_));
  const std::vector<std::byte> large(max_payload);
  std::thread sending([&] { EXPECT_FALSE(connection.send(wire::Type::offer, large)); });
  MessageHeader header;
  EXPECT_EQ(::read(daemons_.get(), &header, sizeof(header)), static_cast<ssize_t>(sizeof(header)));
  hang_up_.hang_up();
  sending.join();
}

TEST_F(HangUpTest, HoldsForConnectionsToCome) {
  hang_up_.hang_up();
  Connection connection(config_, hang_up_, std::move(ours_));
  EXPECT_THROW(join(connection), UserError);
}

TEST_F(HangUpTest, DoesNotCrashAfterItsConnectionIsGone) {
  { const Connection connection(config_, hang_up_, std::move(ours_)); }
  hang_up_.hang_up();
}

}  // namespace
}  // namespace samepage::dedup
