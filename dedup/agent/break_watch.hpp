// SPDX-License-Identifier: Apache-2.0
// The break guard at a guest: looks how much memory is left and how fast the guest's process takes more,
// tells the daemon, and has the guest stand still or go on as GuardedGuest says. Whoever looks needs two
// small files of the kernel's, the rarer the more memory there is. The agent's thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>

#include "base/memory_room.hpp"
#include "dedup/agent/guarded_guest.hpp"
#include "dedup/agent/worker.hpp"

namespace samepage::dedup {

/// Anonymous memory of this process, in bytes: what it alone has to be given memory for.
[[nodiscard]] std::uint64_t own_anonymous_memory();

class BreakWatch {
 public:
  using Clock = GuardedGuest::Clock;
  /// How memory is looked at; tests say what is there.
  struct Eyes {
    std::function<MemoryRoom()> room;
    std::function<std::uint64_t()> swap_room;
    std::function<std::uint64_t()> own = own_anonymous_memory;
  };

  /// The worker must outlive it.
  BreakWatch(Worker& worker, Eyes eyes) : worker_(worker), eyes_(std::move(eyes)) {}

  /// Looks, when it is time to or when the daemon has ordered something, and acts.
  void look();
  [[nodiscard]] bool is_due() const { return Clock::now() >= next_; }
  [[nodiscard]] Clock::time_point next() const { return next_; }
  /// Looks must not come late.
  [[nodiscard]] bool is_scarce() const;
  /// See GuardedGuest.
  [[nodiscard]] bool is_pressed() const { return guest_.is_pressed(); }
  /// The agent ends: the guest goes on.
  void end() { worker_.brake(Worker::Brake::guard, false); }

 private:
  void note(const MemoryRoom& room);

  Worker& worker_;
  Eyes eyes_;
  GuardedGuest guest_;
  Clock::time_point next_ = Clock::now();
};

}  // namespace samepage::dedup
