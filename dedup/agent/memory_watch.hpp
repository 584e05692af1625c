// SPDX-License-Identifier: Apache-2.0
// How much memory is left, and what the guest does about it: its pages go out, it is stopped where even that
// would be too late, and what is out comes back while there is room. How much it gives is page_out_demand()'s
// to say. The agent's thread.
#pragma once

#include <chrono>
#include <optional>

#include "base/memory_room.hpp"
#include "base/stall_share.hpp"
#include "dedup/agent/worker.hpp"

namespace samepage::dedup {

class MemoryWatch {
 public:
  using Clock = std::chrono::steady_clock;

  /// Must outlive it.
  explicit MemoryWatch(Worker& worker) : worker_(worker) {}

  /// Looks, when it is time to, and acts.
  void look();
  /// Before the guest's pages have anywhere to go: a guest that starts where hardly any memory is left is
  /// stopped.
  void look_at_start();
  /// Whether a look is due.
  [[nodiscard]] bool is_due() { return worker_.paging().can_page_out() && Clock::now() >= next_; }
  /// When the next one is due, where pages can go out.
  [[nodiscard]] Clock::time_point next() const { return next_; }

  /// Somebody has asked for pages to go out: it is not for want of memory.
  void was_asked() { demanded_ = frames_demanded_ = false; }
  /// Guests that write as fast as they can may use up what is left before long.
  [[nodiscard]] bool is_scarce() const { return scarce_; }
  /// The last pages went out because there was little memory.
  [[nodiscard]] bool has_demanded() const { return demanded_; }
  /// Pages go out that nobody has asked for, and whose memory nobody needs.
  [[nodiscard]] bool pages_out_in_passing() const {
    return demanded_ && !low_ && worker_.page_outs().leaving() == 0;
  }

  /// More of what is out, while there is room.
  void go_on_bringing_back();

  /// How much there is now, and what the kernel can swap out.
  [[nodiscard]] MemoryRoom room() { return reader().read(); }
  [[nodiscard]] std::uint64_t swap_room() { return reader().swap_room(); }

 private:
  [[nodiscard]] MemoryRoomReader& reader();

  Worker& worker_;
  std::optional<MemoryRoomReader> reader_;  // once it is needed
  StallShare stall_share_;
  Clock::time_point next_ = Clock::now();
  bool low_ = false;     // when it was looked at last
  bool scarce_ = false;  // then: it may be low soon
  bool demanded_ = false;
  bool demanded_any_ = false;     // cold or not
  bool frames_demanded_ = false;  // for the same reason
};

}  // namespace samepage::dedup
