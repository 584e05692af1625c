// SPDX-License-Identifier: Apache-2.0
// How long and how often a guest is held. Work that needs a held guest is a list of short items: they are
// done one after the other while the guest is held, it is let go whenever the time for one hold is used up,
// and held again for the rest. Between two holds it may run for as long as it was held, because a guest that
// is held again at once has not been let go.
//
// A guest that was kept waiting by the last hold is held at a priority over all others, so that it waits for
// the work alone and not for a processor. One that was not, because it has nothing to run, costs nobody that:
// others beside it would wait for each of its holds. It is held at the guest's own priority, as an
// interrupt may come at any time.
//
// The agent's thread does the work; any thread may read the figures.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "dedup/agent/write_barrier.hpp"
#include "dedup/hold_times.hpp"

namespace samepage::dedup {

class GuestHolds {
 public:
  /// `barrier` must outlive it. `before_release` is called at the end of each hold.
  GuestHolds(WriteBarrier& barrier, std::function<void(const PausedGuest&)> before_release)
      : barrier_(barrier), before_release_(std::move(before_release)) {}

  /// A hold ends after this long, with the item that it is at.
  void set_budget(std::chrono::microseconds budget) { budget_ = budget; }

  /// Calls act(PausedGuest, item) for each item. What `act` throws comes through, with the guest let go.
  template <typename Item, typename Act>
  void work_off(const std::vector<Item>& items, Act act) {
    run(items.size(), [&](const PausedGuest& held, std::size_t i) { act(held, items[i]); });
  }

  [[nodiscard]] std::uint64_t holds() const { return holds_; }
  [[nodiscard]] std::uint64_t longest_us() const { return longest_us_; }
  /// All holds. Read while another one ends, it may have a part of that one.
  [[nodiscard]] HoldTimes times() const;

 private:
  void count(std::chrono::steady_clock::duration length);
  void run(std::size_t items, const std::function<void(const PausedGuest&, std::size_t)>& act);
  // The next item after one hold.
  [[nodiscard]] std::size_t run_one(std::size_t next, std::size_t items,
                                    const std::function<void(const PausedGuest&, std::size_t)>& act);

  WriteBarrier& barrier_;
  std::function<void(const PausedGuest&)> before_release_;
  std::chrono::microseconds budget_{500};
  std::chrono::steady_clock::time_point next_hold_;  // not before
  bool keeps_waiting_ = true;                        // as far as the last hold shows
  std::atomic<std::uint64_t> holds_ = 0;
  std::atomic<std::uint64_t> longest_us_ = 0;
  std::array<std::atomic<std::uint64_t>, HoldTimes::buckets> of_length_{};
  std::atomic<std::uint64_t> sum_us_ = 0;
};

}  // namespace samepage::dedup
