// SPDX-License-Identifier: Apache-2.0
#include "bench/gate.hpp"

#include <ctime>
#include <utility>

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

std::vector<Gate::Hold> Gate::take_holds() {
  const std::lock_guard taking(holds_lock_);
  return std::exchange(holds_, {});
}

}  // namespace samepage::bench
