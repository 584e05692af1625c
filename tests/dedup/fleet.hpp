// SPDX-License-Identifier: Apache-2.0
// A daemon and any number of guests in one process, each step of them under the test's control. A guest is a
// piece of memory with a shadow copy that no code of ours touches: after every step the two must be equal.
#pragma once

#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/mapping.hpp"
#include "base/pagemap.hpp"
#include "base/types.hpp"
#include "base/unique_fd.hpp"
#include "dedup/agent/worker.hpp"
#include "dedup/daemon/server.hpp"

namespace samepage::dedup {

/// Where nothing runs, nothing has to be held; but it is noticed whether it was.
class CountingBarrier final : public WriteBarrier {
 public:
  void hold() override { ++holds_, held_ = true; }
  void release() override { held_ = false; }
  [[nodiscard]] bool stops_somebody() const override { return false; }
  [[nodiscard]] std::uint64_t holds() const { return holds_; }

 private:
  std::uint64_t holds_ = 0;
  bool held_ = false;
};

struct FleetGuest {
  std::string name;
  std::size_t pages = 0;
  Mapping ram;
  std::vector<std::byte> shadow;
  CountingBarrier barrier;
  UniqueFd life;  // closing it is the end of the guest's "process"
  std::unique_ptr<Worker> worker;

  std::byte* page(std::size_t n) const { return ram.data() + n * page_size; }
  /// The guest's own writes: RAM and shadow alike.
  void write(std::size_t offset, std::uint64_t value);
  void fill(std::size_t page, std::uint64_t content);  // content 0 is a zero page
  /// The guest gives pages up: they read as zeros from now on.
  void discard(std::size_t page, std::size_t count);
  [[nodiscard]] bool intact() const;
  [[nodiscard]] std::vector<PageMapRun> map() const;
  [[nodiscard]] std::size_t frames_mapped() const;
};

struct GuestOptions {
  std::string domain = "default";
  Sharing sharing = Sharing::all;
  TrackerKind tracker = TrackerKind::best;
  Pagemap::Backend backend = Pagemap::Backend::newest;
};

class Fleet {
 public:
  explicit Fleet(DupPolicy dup_policy = {});
  ~Fleet();
  Fleet(const Fleet&) = delete;
  Fleet& operator=(const Fleet&) = delete;

  FleetGuest& add(std::size_t pages, const GuestOptions& options = {});
  /// The guest's process ends: memory, agent and pidfd go.
  void kill(FleetGuest& guest);
  /// A pass of each guest's agent, then all messages to and fro until nobody has anything to say.
  void pass();
  /// Passes until a page that is quiet has had every chance.
  void settle();
  void exchange_messages();
  /// A connected socket whose other end the daemon serves.
  UniqueFd dial(UniqueFd life);
  void poll_daemon();

  [[nodiscard]] nlohmann::json host() const;
  [[nodiscard]] std::uint64_t figure(const std::string& key) const;
  [[nodiscard]] const std::vector<std::unique_ptr<FleetGuest>>& guests() const { return guests_; }
  /// RAM equals shadow in all guests.
  void check_memory(const std::string& when) const;
  /// The same, and the daemon's books say what the kernel's page tables show.
  void check_everything(const std::string& when) const;

 private:
  boost::asio::io_context io_{1};
  Server server_;
  std::vector<std::unique_ptr<FleetGuest>> guests_;
  std::size_t next_name_ = 0;
};

}  // namespace samepage::dedup
