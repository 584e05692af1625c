// SPDX-License-Identifier: Apache-2.0
#include "bench/gate.hpp"

#include <algorithm>
#include <ctime>

#include "base/check.hpp"

namespace samepage::bench {
namespace {

std::int64_t nanoseconds_of(clockid_t clock) {
  timespec now{};
  check(::clock_gettime(clock, &now), "clock_gettime");
  return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

}  // namespace

void Gate::hold() {
  since_ = {nanoseconds_of(CLOCK_MONOTONIC), nanoseconds_of(CLOCK_THREAD_CPUTIME_ID)};
  wanted_ = true;
  lock_.lock();
}

void Gate::release() {
  lock_.unlock();
  wanted_ = false;
  wanted_.notify_all();
  const Hold held{nanoseconds_of(CLOCK_MONOTONIC) - since_.wall,
                  nanoseconds_of(CLOCK_THREAD_CPUTIME_ID) - since_.cpu};
  const std::lock_guard noting(holds_lock_);
  holds_.push_back(held);
}

std::vector<Gate::Hold> Gate::take_holds(std::size_t most) {
  const std::lock_guard taking(holds_lock_);
  const auto end = holds_.begin() + static_cast<std::ptrdiff_t>(std::min(most, holds_.size()));
  std::vector<Hold> taken(holds_.begin(), end);
  holds_.erase(holds_.begin(), end);
  return taken;
}

}  // namespace samepage::bench
