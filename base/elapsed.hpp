// SPDX-License-Identifier: Apache-2.0
// How long something took, for people.
#pragma once

#include <chrono>

namespace samepage {

/// Milliseconds, with fractions.
inline double ms_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
}

}  // namespace samepage
