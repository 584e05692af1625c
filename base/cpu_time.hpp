// SPDX-License-Identifier: Apache-2.0
// The processor time that the calling thread has used, and that of its process.
#pragma once

#include <sys/resource.h>

#include <chrono>
#include <ctime>

#include "base/check.hpp"

namespace samepage {

inline std::chrono::nanoseconds thread_cpu_time() {
  timespec now{};
  check(::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now), "clock_gettime");
  return std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
}

/// In user mode and in the kernel.
inline std::chrono::microseconds process_cpu_time() {
  rusage used{};
  check(::getrusage(RUSAGE_SELF, &used), "getrusage");
  return std::chrono::seconds(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
         std::chrono::microseconds(used.ru_utime.tv_usec + used.ru_stime.tv_usec);
}

}  // namespace samepage
