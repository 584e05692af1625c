// SPDX-License-Identifier: Apache-2.0
#include "bench/gate.hpp"

#include <utility>

namespace samepage::bench {

using Clock = std::chrono::steady_clock;

void Gate::hold() {
  since_ = Clock::now();
  wanted_ = true;
  lock_.lock();
}

void Gate::release() {
  lock_.unlock();
  wanted_ = false;
  wanted_.notify_all();
  const auto held = std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now() - since_);
  const std::lock_guard hold(holds_lock_);
  holds_.push_back(static_cast<std::uint64_t>(held.count()));
}

std::vector<std::uint64_t> Gate::take_holds() {
  const std::lock_guard hold(holds_lock_);
  return std::exchange(holds_, {});
}

}  // namespace samepage::bench
