// SPDX-License-Identifier: Apache-2.0
// A daemon and any number of guests in one process, each step of them under the test's control. A guest is a
// piece of memory with a shadow copy that no code of ours touches: after every step the two must be equal.
#pragma once

#include <gtest/gtest.h>
#include <sched.h>

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
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
  void hold() override {
    const auto now = std::chrono::steady_clock::now();
    let_go_ = let_go_ && (holds_ == 0 || now - released_at_ >= released_at_ - held_at_);
    ++holds_, held_ = true, policy_ = ::sched_getscheduler(0), held_at_ = now;
    at_hold_();
  }
  /// What the guest does before it stands still.
  void at_hold(std::function<void()> act) { at_hold_ = std::move(act); }
  void release() override { held_ = false, released_at_ = std::chrono::steady_clock::now(); }
  [[nodiscard]] bool keeps_waiting() const override { return keeps_waiting_; }
  [[nodiscard]] bool has_threads() const override { return keeps_waiting_; }
  void stand_still() override { stands_ = true; }
  void go_on() override { stands_ = false; }
  [[nodiscard]] bool stands() const { return stands_; }
  /// From now on it is as if a vCPU ran.
  void run_something() { keeps_waiting_ = true; }
  /// Whether it was let go for as long as it was held, after each hold.
  [[nodiscard]] bool let_go() const { return let_go_; }
  [[nodiscard]] std::uint64_t holds() const { return holds_; }
  /// The scheduling policy of the thread that held last.
  [[nodiscard]] int policy() const { return policy_; }

 private:
  int policy_ = -1;
  bool keeps_waiting_ = false;
  bool stands_ = false;
  bool let_go_ = true;
  std::chrono::steady_clock::time_point held_at_, released_at_;
  std::uint64_t holds_ = 0;
  bool held_ = false;
  std::function<void()> at_hold_ = [] {};
};

struct FleetGuest {
  std::string name;
  std::size_t pages = 0;
  bool scarce_mappings = false;
  std::uint64_t vma_limit = 0;  // mappings that merging may add
  Mapping ram;
  std::vector<std::byte> shadow;
  CountingBarrier barrier;
  UniqueFd process;  // closing it is the end of the guest's "process"
  UniqueFd pidfd;    // the other end, which tells the daemon of it
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
  /// Pages in paging files.
  [[nodiscard]] std::size_t pages_paged() const;
};

/// An image's bytes, and where they go.
struct FleetImage {
  std::vector<std::byte> bytes;
  std::vector<ImagePart> parts;
};
/// Pages of these contents from page `first` of the guest on; the guest's shadow has them from now on.
FleetImage image_for(FleetGuest& guest, std::size_t first, const std::vector<std::uint64_t>& contents);

struct GuestOptions {
  std::string domain = "default";
  Sharing sharing = Sharing::all;
  TrackerKind tracker = TrackerKind::best;
  Pagemap::Backend backend = Pagemap::Backend::newest;
  std::optional<std::size_t> vma_limit = {};
};

// What a guest may be tracked with: the newest kernel's way, hashing with PAGEMAP_SCAN, hashing with pagemap
// words.
inline const GuestOptions write_protection{};
inline const GuestOptions rehash{.tracker = TrackerKind::rehash};
inline const GuestOptions old_kernel{.tracker = TrackerKind::rehash, .backend = Pagemap::Backend::words};
inline std::string name_of(const GuestOptions& options) {
  if (options.tracker != TrackerKind::rehash) return "WriteProtection";
  return options.backend == Pagemap::Backend::words ? "OldKernel" : "Rehash";
}
/// For names of tests, and for what a test that fails says of its parameter.
inline std::string kind_of(const testing::TestParamInfo<GuestOptions>& info) {
  return name_of(info.param);
}
inline void PrintTo(const GuestOptions& options, std::ostream* out) {
  *out << name_of(options);
}

/// A guest that has joined no daemon yet.
std::unique_ptr<FleetGuest> make_guest(const std::string& name, std::size_t pages,
                                       const GuestOptions& options = {});

class Fleet {
 public:
  explicit Fleet(DupPolicy dup_policy = {}, const std::vector<std::string>& paging_files = {});
  ~Fleet();
  Fleet(const Fleet&) = delete;
  Fleet& operator=(const Fleet&) = delete;

  FleetGuest& add(std::size_t pages, const GuestOptions& options = {});
  /// The guest's agent, which has lost the daemon, asks to be let in again: from the same process, or from
  /// one that is unknown to the daemon.
  void rejoin(FleetGuest& guest);
  /// Adds a guest without a daemon to talk to: the caller has the other end of the socket that it connects.
  FleetGuest& add_apart(std::size_t pages, const GuestOptions& options = {});
  /// Loads an image whose pages have these contents (as fill() knows them) to the pages from `first` on. They
  /// must be untouched.
  void load(FleetGuest& guest, std::size_t first, const std::vector<std::uint64_t>& contents);
  /// The guest's process ends: memory, agent and pidfd go.
  void kill(FleetGuest& guest);
  /// A pass of each guest's agent, then all messages to and fro until nobody has anything to say.
  void pass();
  /// Passes until a page that is quiet has had every chance.
  void settle();
  void exchange_messages();
  void exchange_messages_until(const std::string& what, const std::function<bool()>& holds);
  /// A connected socket whose other end the daemon serves.
  UniqueFd dial(UniqueFd pidfd);
  /// Runs what waits for the daemon's answers in a thread of its own, while the daemon gives them.
  void while_daemon_answers(const std::function<void()>& act);
  void poll_daemon();
  /// Until the daemon has heard that all that was donated is on the disk.
  void wait_for_disks();
  /// What a command asks the daemon's paging files, and is answered.
  nlohmann::json ask_paging(const nlohmann::json& request);

  [[nodiscard]] nlohmann::json statistics() const { return server_.statistics(); }
  [[nodiscard]] MetricsSnapshot metrics() const { return server_.metrics(0); }
  [[nodiscard]] nlohmann::json host() const;
  [[nodiscard]] std::uint64_t figure(const std::string& key) const;
  [[nodiscard]] const std::vector<std::unique_ptr<FleetGuest>>& guests() const { return guests_; }
  /// RAM equals shadow in all guests.
  void check_memory(const std::string& when) const;
  /// The same, and the daemon's records say what the kernel's page tables show.
  void check_everything(const std::string& when) const;
  /// When all messages were exchanged after a pass: there are as many references as frames are mapped.
  void check_references(const std::string& when) const;

 private:
  boost::asio::io_context io_{1};
  Server server_;
  std::vector<std::unique_ptr<FleetGuest>> guests_;
  std::size_t next_name_ = 0;
};

}  // namespace samepage::dedup
