// SPDX-License-Identifier: Apache-2.0
// What guests at work get done: pages written by those that `churn`, all together.
#pragma once

#include <chrono>
#include <span>

#include "bench/holder.hpp"

namespace samepage::bench {

/// Up to some moment.
struct Work {
  double pages = 0;
  double cpu = 0;  // seconds of a processor that it took
  std::chrono::steady_clock::time_point at;
};
Work work_of(std::span<Holder> workers);

/// Pages in a second, and in a second that they had a processor.
struct WorkRate {
  double wall = 0;
  double cpu = 0;
};
WorkRate rate_between(const Work& before, const Work& after);

}  // namespace samepage::bench
