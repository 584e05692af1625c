// SPDX-License-Identifier: Apache-2.0
#include "dedup/agent/guest_holds.hpp"

#include <algorithm>
#include <optional>
#include <thread>

#include "base/yielding_thread.hpp"
#include "dedup/agent/hold_priority.hpp"

namespace samepage::dedup {

using Clock = std::chrono::steady_clock;

void GuestHolds::run(std::size_t items, const std::function<void(const PausedGuest&, std::size_t)>& act) {
  for (std::size_t next = 0; next < items;) {
    std::this_thread::sleep_until(next_hold_);
    const auto hold = [&] { next = run_one(next, items, act); };
    // What gives way to others must not do so while the guest is held: it may have something to run at any
    // time.
    !keeps_waiting_ || HoldPriority::is_refused() ? at_full_priority(hold) : hold();
  }
}

std::size_t GuestHolds::run_one(std::size_t next, std::size_t items,
                                const std::function<void(const PausedGuest&, std::size_t)>& act) {
  // Where others want this processor they have it now, and not while the guest is held: after this the
  // thread has a whole slice of time before it, which is longer than a hold.
  std::this_thread::yield();
  const auto start = Clock::now();
  {
    std::optional<HoldPriority> priority;
    if (keeps_waiting_) priority.emplace();
    const PausedGuest held(barrier_);
    do {
      act(held, next++);
    } while (next < items && Clock::now() - start < budget_);
    before_release_(held);
    keeps_waiting_ = barrier_.keeps_waiting();
  }
  const auto length = Clock::now() - start;
  count(length);
  if (barrier_.has_threads()) next_hold_ = Clock::now() + length;
  return next;
}

void GuestHolds::count(Clock::duration length) {
  const auto us =
      static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(length).count());
  ++holds_;
  longest_us_ = std::max(longest_us_.load(), us);
  ++of_length_[HoldTimes::bucket_of(us)];
  sum_us_ += us;
}

HoldTimes GuestHolds::times() const {
  HoldTimes times;
  std::copy(of_length_.begin(), of_length_.end(), times.holds.begin());
  times.sum_us = sum_us_;
  return times;
}

}  // namespace samepage::dedup
