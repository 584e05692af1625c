// SPDX-License-Identifier: Apache-2.0
// The processor time that the calling process has used.
#pragma once

#include <sys/resource.h>

#include <chrono>

#include "base/check.hpp"

namespace samepage {

/// In user mode and in the kernel.
inline std::chrono::microseconds process_cpu_time() {
  rusage used{};
  check(::getrusage(RUSAGE_SELF, &used), "getrusage");
  return std::chrono::seconds(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
         std::chrono::microseconds(used.ru_utime.tv_usec + used.ru_stime.tv_usec);
}

}  // namespace samepage
