// SPDX-License-Identifier: Apache-2.0
// Work that may use so many percent of a processor: what it has used, it rests for. Pure; one thread.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace samepage::dedup {

/// How long to rest after `cpu` of work, so that it is `percent` of the time (1 to 100).
constexpr std::chrono::nanoseconds rest_after(std::chrono::nanoseconds cpu, std::uint32_t percent) {
  return cpu * (100 - percent) / percent;
}

class CpuRest {
 public:
  using Clock = std::chrono::steady_clock;

  /// Work that has just ended, or a piece of it.
  void worked(std::chrono::nanoseconds cpu, Clock::time_point now, std::uint32_t percent) {
    until_ = std::max(until_, now) + rest_after(cpu, percent);
  }
  [[nodiscard]] bool over(Clock::time_point now) const { return now >= until_; }

 private:
  Clock::time_point until_;
};

}  // namespace samepage::dedup
