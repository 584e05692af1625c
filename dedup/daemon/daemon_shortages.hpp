// SPDX-License-Identifier: Apache-2.0
// What the daemon's process lacks. Descriptors and memory are asked for on behalf of guests that want to
// join, and those come again by themselves, or do not. So it is the daemon that finds out whether there is
// enough again: after each pause it takes as much as a guest takes, and gives it back. The daemon's thread.
#pragma once

#include <exception>
#include <functional>
#include <utility>

#include "dedup/shortage.hpp"

namespace samepage::dedup {

class DaemonShortages {
 public:
  /// `has_enough` tells whether there is room for one more guest: descriptors, and memory in files. An errno
  /// when there is not.
  explicit DaemonShortages(std::function<int()> has_enough = try_room_for_a_guest)
      : has_enough_(std::move(has_enough)) {}

  [[nodiscard]] Shortages& all() { return all_; }
  [[nodiscard]] const Shortages& all() const { return all_; }

  /// Something was not done because of `problem`. False where that is no lack of anything.
  bool failed(const std::exception& problem) noexcept;
  /// No connection could be accepted.
  void no_descriptors() noexcept;
  /// The kernel has no memory for a message, or has taken one.
  void no_buffers(int error) noexcept;
  void has_sent() noexcept { note_granted(all_, Resource::socket_buffers); }
  /// About once a second. `stores_lack_memory`: they find out by themselves when there is some.
  void look_again(bool stores_lack_memory) noexcept;

 private:
  static int try_room_for_a_guest() noexcept;

  Shortages all_;
  std::function<int()> has_enough_;
};

}  // namespace samepage::dedup
