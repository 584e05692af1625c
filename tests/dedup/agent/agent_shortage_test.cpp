// SPDX-License-Identifier: Apache-2.0
// An agent, with its thread, that lacks descriptors (a real limit) or memory of the kernel's for messages:
// its guest keeps what it has, the lack is told by its name, and merging goes on by itself.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstring>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/fault_point.hpp"
#include "base/temporary_directory.hpp"
#include "dedup/agent/agent.hpp"
#include "dedup/daemon/server.hpp"
#include "dedup/listening_socket.hpp"
#include "tests/base/descriptor_limit.hpp"
#include "tests/base/wait_until.hpp"
#include "tests/dedup/agent/nothing_runs.hpp"
#include "tests/dedup/daemon/running_daemon.hpp"

namespace samepage::dedup {
namespace {

ServerConfig fast() {
  ServerConfig config;
  config.knobs.current.interval_ms = 10;
  config.knobs.current.max_interval_ms = 20;
  config.knobs.current.cpu_percent = 100;
  return config;
}

class AgentShortage : public testing::Test {
 protected:
  static constexpr std::uint32_t pages = 32;

  // A guest, its process's memory and its agent.
  struct Guest {
    explicit Guest(const std::string& path, const std::string& name)
        : agent({name, "default", Sharing::all, path}, {MemoryRegion{Gfn{0}, PageCount{pages}, ram.data()}},
                barrier) {
      agent.start();
    }
    [[nodiscard]] bool lacks(Resource what) const {
      for (const ShortageFigure& shortage : agent.counters().shortages) {
        if (shortage.what == what) return true;
      }
      return false;
    }
    // Each page has another content.
    void fill(std::uint32_t first) {
      for (std::uint32_t page = 0; page < pages; ++page) {
        std::memset(ram.data() + page * page_size, static_cast<int>(first + page), page_size);
      }
    }
    [[nodiscard]] bool has(std::uint32_t first) const {
      for (std::uint32_t page = 0; page < pages; ++page) {
        const std::vector<std::byte> expected(page_size, static_cast<std::byte>(first + page));
        if (std::memcmp(ram.data() + page * page_size, expected.data(), page_size) != 0) return false;
      }
      return true;
    }

    Mapping ram = Mapping::anonymous(pages * page_size);
    NothingRuns barrier;
    Agent agent;
  };

  const TemporaryDirectory directory_;
  const std::string path_ = directory_.path() + "/daemon.sock";
};

TEST_F(AgentShortage, WithoutDescriptorsItJoinsNobodyAndGoesOnWhenThereAreSome) {
  std::optional<ListeningSocket> listening(std::in_place, path_, Admission::owner_only);
  std::optional<RunningDaemon> daemon(std::in_place, listening->take(), fast());
  Guest guest(path_, "guest");
  guest.fill(1);
  wait_until("the guest has joined", [&] { return guest.agent.counters().connected; });
  const DescriptorLimit limit;
  daemon.reset();
  listening.reset();
  wait_until("the daemon is lost", [&] { return !guest.agent.counters().connected; });
  limit.exhaust();
  wait_until("descriptors lack", [&] { return guest.lacks(Resource::descriptors); });
  EXPECT_TRUE(guest.has(1));

  limit.raise();
  listening.emplace(path_, Admission::owner_only);
  daemon.emplace(listening->take(), fast());
  wait_until("it has joined and lacks nothing",
             [&] { return guest.agent.counters().connected && guest.agent.counters().shortages.empty(); });
  EXPECT_TRUE(guest.has(1));
}

TEST_F(AgentShortage, MessagesAreSentAgainWhereTheKernelHasNoMemoryForThem) {
  if (!has_fault_points()) GTEST_SKIP() << "this build has no fault points";
  ListeningSocket listening(path_, Admission::owner_only);
  std::string faults;  // the pauses between them make more than a second
  for (int nth = 3; nth <= 14; ++nth) faults += fmt::format("agent-sending:{}:ENOBUFS,", nth);
  faults.pop_back();
  arm_fault_points(faults);  // while there are no threads
  {
    const RunningDaemon daemon(listening.take(), fast());
    Guest a(path_, "a"), b(path_, "b");
    a.fill(1);
    b.fill(1);
    wait_until("buffers lack",
               [&] { return a.lacks(Resource::socket_buffers) || b.lacks(Resource::socket_buffers); });
    wait_until("all is merged",
               [&] { return a.agent.counters().merges >= pages && b.agent.counters().merges >= pages; });
    wait_until("nothing lacks any more",
               [&] { return a.agent.counters().shortages.empty() && b.agent.counters().shortages.empty(); });
    EXPECT_TRUE(a.has(1));
    EXPECT_TRUE(b.has(1));
  }
  arm_fault_points("");
}

}  // namespace
}  // namespace samepage::dedup
