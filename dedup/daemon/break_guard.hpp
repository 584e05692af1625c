// SPDX-License-Identifier: Apache-2.0
// Which guests stand still while memory is short, and which go on: the daemon's part of the break guard.
// Agents tell how much memory is left where their guests' memory is counted (a cgroup, or the host), and how
// fast each takes more. Guests of one such place are ranked:
//
//   below `low` the fastest of those that take memory stands still, then the next one, as long as two take
//   some: what is left is for the slowest, which gets furthest with it.
//   At `plenty` the slowest of those that stand still goes on, then the next one if there is as much beyond
//   all that the others may take on their way. Otherwise all would get on evenly, to where each stands still
//   again and none is done.
//
//   Where nobody takes memory any more, one goes on from `again` up. So as long as there is room for one, one
//   gets on; when there is not even that, all that would take more stand still until somebody makes room.
//
// An order needs a moment to be obeyed: nothing is ordered in a place meanwhile. Agents obey as far as they
// see the same (agent/guarded_guest.hpp). Pure.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <vector>

#include "dedup/protocol.hpp"

namespace samepage::dedup {

class BreakGuard {
 public:
  using Clock = std::chrono::steady_clock;
  struct Order {
    std::uint64_t guest = 0;  // its membership
    wire::GuardOrder order = wire::GuardOrder::none;
  };

  /// What a guest's agent says; `may_take`: bytes that the guest needs if it writes all that it shares. What
  /// is to be done because of it.
  [[nodiscard]] std::vector<Order> tells(std::uint64_t guest, const wire::Room& room, std::uint64_t may_take,
                                         Clock::time_point now);
  /// Nothing more is heard of it.
  void leave(std::uint64_t guest) { guests_.erase(guest); }
  /// The knob has changed: all that was said is void.
  void forget_all() { guests_.clear(); }

 private:
  struct Guest {
    wire::Room room;
    std::uint64_t may_take = 0;
    Clock::time_point told;
    Clock::time_point went;  // when it was told to go on last
  };
  [[nodiscard]] std::vector<Order> decide(const wire::Room& room, Clock::time_point now);

  std::map<std::uint64_t, Guest> guests_;               // that have told something
  std::map<std::uint64_t, Clock::time_point> ordered_;  // by place: when something was ordered last
};

}  // namespace samepage::dedup
