// SPDX-License-Identifier: Apache-2.0
// A guest that gives up pages does not wait for the daemon, whose thread may be in the middle of a message
// that never ends. The daemon here keeps within the time that a socket has: it sends a byte now and then.
#include <gtest/gtest.h>
#include <linux/sockios.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <future>
#include <thread>

#include "base/framing.hpp"
#include "base/temporary_directory.hpp"
#include "dedup/agent/agent.hpp"
#include "dedup/daemon/frame_store.hpp"
#include "dedup/listening_socket.hpp"
#include "tests/base/wait_until.hpp"
#include "tests/dedup/fleet/fleet.hpp"

namespace samepage::dedup {
namespace {

class AgentDiscard : public testing::Test {
 protected:
  // Lets one agent in and sends it the longest message, a byte at a time, until the agent has hung up.
  // `begun` is set when the agent reads.
  static void send_slowly(ListeningSocket& listening, std::promise<void>& begun) {
    const UniqueFd listener = listening.take();
    ASSERT_TRUE(wait_to_read(listener.get(), "an agent that connects"));
    const UniqueFd socket(::accept(listener.get(), nullptr, nullptr));
    ASSERT_TRUE(receive_message(socket.get()));
    const FrameStore store;
    const UniqueFd frames = store.open_read_only(), staging = make_staging(8);
    wire::Welcome welcome;
    welcome.staging_slots = 8;
    welcome.max_frames = 1024;
    const std::array<int, 2> fds{frames.get(), staging.get()};
    ASSERT_TRUE(send_message(socket.get(), static_cast<std::uint32_t>(wire::Type::welcome),
                             wire::bytes_of(welcome), fds));
    const MessageHeader header{max_payload, static_cast<std::uint32_t>(wire::Type::verdict)};
    ASSERT_EQ(::send(socket.get(), &header, sizeof(header), 0), ssize_t{sizeof(header)});
    bool told = false;
    while (::send(socket.get(), "", 1, MSG_NOSIGNAL) == 1) {
      pollfd hung_up{socket.get(), 0, 0};
      ::poll(&hung_up, 1, 100);
      int unread = 0;
      ASSERT_EQ(::ioctl(socket.get(), SIOCOUTQ, &unread), 0);
      if (unread > 0 || std::exchange(told, true)) continue;
      begun.set_value();
    }
  }

  const TemporaryDirectory directory_;
  const std::string path_ = directory_.path() + "/daemon.sock";
};

TEST_F(AgentDiscard, EndsAMessageThatDoesNotEnd) {
  ListeningSocket listening(path_, Admission::owner_only);
  std::promise<void> begun;
  std::thread daemon([&] { send_slowly(listening, begun); });
  const Mapping ram = Mapping::anonymous(16 * page_size);
  ram.data()[page_size] = std::byte{1};
  CountingBarrier barrier;
  {
    Agent agent({"guest", "default", Sharing::all, path_}, {{Gfn{0}, {16}, ram.data()}}, barrier);
    agent.start();
    wait_for(begun, "the agent to read the message");
    agent.discard(std::array{GfnRange{Gfn{1}, {1}}});
    EXPECT_EQ(ram.data()[page_size], std::byte{0});
    EXPECT_FALSE(agent.counters().connected);
  }
  daemon.join();
}

}  // namespace
}  // namespace samepage::dedup
