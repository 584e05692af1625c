// SPDX-License-Identifier: Apache-2.0
// How long poll(2) may wait for a deadline.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <limits>

namespace samepage {

/// Milliseconds from now until `end`, rounded up so that a wait does not end before it. 0 when it is past.
inline int poll_timeout(std::chrono::steady_clock::time_point end) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
  return static_cast<int>(std::clamp<std::int64_t>(left.count(), 0, std::numeric_limits<int>::max()));
}

}  // namespace samepage
