// SPDX-License-Identifier: Apache-2.0
// Pages can go out as soon as the daemon has a file for them, also when the agent has not read that yet. The
// test is the daemon.
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <future>
#include <optional>

#include "base/memory_file.hpp"
#include "tests/dedup/agent/agent_of_test.hpp"

namespace samepage::dedup {
namespace {

class AgentPageOut : public AgentOfTest {
 protected:
  // Asked of an agent that has joined, and whose daemon has told of no file.
  std::future<bool> begin_page_out() {
    std::size_t others = 0;
    EXPECT_TRUE(next_time(others));
    const timeval patience{30, 0};  // of a test that fails
    ::setsockopt(connection_.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    return std::async(std::launch::async,
                      [this] { return agent_->begin_page_out(pages, PageOutOrder::all); });
  }
  std::optional<wire::Sync> next_sync() {
    while (const auto message = receive_message(connection_.get())) {
      if (message->type == static_cast<std::uint32_t>(wire::Type::sync))
        return wire::read_one<wire::Sync>(message->payload);
    }
    return {};
  }
  void tell_of_file() {
    const UniqueFd slots = memory_file_with("slots", "");
    const std::array<int, 1> descriptor{slots.get()};
    EXPECT_TRUE(send_message(connection_.get(), static_cast<std::uint32_t>(wire::Type::paging_file),
                             wire::bytes_of(wire::PagingFile{.file = 0}), descriptor));
  }
};

TEST_F(AgentPageOut, BeginsWhenTheFileIsUnderWay) {
  auto begun = begin_page_out();
  const auto sync = next_sync();
  ASSERT_TRUE(sync);
  tell_of_file();
  say(wire::Type::synced, *sync);
  EXPECT_TRUE(begun.get());
}

TEST_F(AgentPageOut, BeginsWhenTheFileIsToldOfBehindOtherAnswers) {
  auto begun = begin_page_out();
  const auto first = next_sync();
  ASSERT_TRUE(first);
  say(wire::Type::synced, *first);
  const auto second = next_sync();
  ASSERT_TRUE(second);
  tell_of_file();
  say(wire::Type::synced, *second);
  EXPECT_TRUE(begun.get());
}

TEST_F(AgentPageOut, DoesNotBeginWithoutAFile) {
  auto begun = begin_page_out();
  for (int i = 0; i < 2; ++i) {
    const auto sync = next_sync();
    ASSERT_TRUE(sync);
    say(wire::Type::synced, *sync);
  }
  EXPECT_FALSE(begun.get());
}

TEST_F(AgentPageOut, DoesNotWaitForADaemonThatIsSilent) {
  EXPECT_FALSE(begin_page_out().get());
}

TEST_F(AgentPageOut, DoesNotWaitForADaemonThatHasGone) {
  auto begun = begin_page_out();
  connection_.reset();
  EXPECT_FALSE(begun.get());
}

}  // namespace
}  // namespace samepage::dedup
