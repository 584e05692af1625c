// SPDX-License-Identifier: Apache-2.0
// The processor time that the calling thread has used.
#pragma once

#include <chrono>
#include <ctime>

#include "base/check.hpp"

namespace samepage {

inline std::chrono::nanoseconds thread_cpu_time() {
  timespec now{};
  check(::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now), "clock_gettime");
  return std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
}

}  // namespace samepage
