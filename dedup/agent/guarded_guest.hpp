// SPDX-License-Identifier: Apache-2.0
// Whether one guest stands still because hardly any memory is left for what it writes. Pages that it shares
// cost nothing until it writes them, and then the kernel has to find memory for each; where there is none it
// kills somebody. Which guest stands still first is the daemon's to say (daemon/break_guard.hpp), because it
// knows all of them. What can't wait for the daemon is decided here: below the mark `stop` a guest that takes
// more stands still at once. A guest that does not take any is left alone, however little there is.
//
// Orders are obeyed only as far as this guest's own look at memory says the same: no other guest can have it
// stand still by what it tells the daemon. Pure.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "dedup/guard_marks.hpp"
#include "dedup/protocol.hpp"

namespace samepage::dedup {

class GuardedGuest {
 public:
  using Clock = std::chrono::steady_clock;

  struct Look {
    std::uint64_t available = 0;  // bytes: memory, and swap that can still be used
    std::uint64_t low = 0;        // bytes: low water of the guard
    std::uint64_t place = 0;
    std::uint64_t own = 0;  // bytes of anonymous memory that the guest's process has
    Clock::time_point now;
    bool guarded = true;   // the knob break-guard is on
    bool is_heard = true;  // there is a daemon that says when to go on
  };

  /// Takes a look at memory, and decides by it.
  void look(const Look& look);
  /// What the daemon orders is done at the next look.
  void ordered(wire::GuardOrder order) { order_ = order; }

  [[nodiscard]] bool stands_still() const { return stands_; }
  /// What the daemon is to hear now, if anything.
  [[nodiscard]] std::optional<wire::Room> told();
  /// When to look again: before guests can have used up what is left.
  [[nodiscard]] std::chrono::milliseconds look_again() const;
  /// There may be hardly any memory left before long, by what this guest or others write.
  [[nodiscard]] bool is_scarce() const { return scarce_; }
  /// It runs, takes memory, and there is little: nothing else is as urgent as the next look.
  [[nodiscard]] bool is_pressed() const { return !stands_ && takes_ && last_.available < last_.low; }

 private:
  void measure(const Look& look);
  void begin_while(const Look& look);
  [[nodiscard]] bool must_stand() const;
  [[nodiscard]] bool may_go_on();

  Look last_;
  double rate_ = 0;              // bytes a second; of a guest that stands still, before it did
  std::uint64_t least_own_ = 0;  // in this while
  Clock::time_point while_began_;
  bool looked_ = false, scarce_ = false, takes_ = false, stands_ = false;
  wire::GuardOrder order_ = wire::GuardOrder::none;
  Clock::time_point plenty_since_, told_at_;
  bool told_scarce_ = false, told_stands_ = false;
};

}  // namespace samepage::dedup
