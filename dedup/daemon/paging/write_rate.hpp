// SPDX-License-Identifier: Apache-2.0
// A bound on bytes a second, for all who write together: whoever is about to write is told when to begin.
// What is saved up in quiet times is a tenth of a second's. Pure: the time is told. Any thread.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <mutex>

namespace samepage::dedup {

class WriteRate {
 public:
  using Clock = std::chrono::steady_clock;

  /// 0: no bound. What was told before stands.
  void set(std::uint64_t bytes_a_second) {
    const std::lock_guard guard(lock_);
    bytes_a_second_ = bytes_a_second;
  }
  /// When so many bytes may be written, which are counted from now on.
  [[nodiscard]] Clock::time_point begin(std::uint64_t bytes, Clock::time_point now) {
    const std::lock_guard guard(lock_);
    if (bytes_a_second_ == 0) {
      next_ = now;
      return now;
    }
    next_ = std::max(next_, now - saved_up);
    const Clock::time_point start = std::max(next_, now);
    const double seconds = static_cast<double>(bytes) / static_cast<double>(bytes_a_second_);
    next_ += std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
    return start;
  }

 private:
  static constexpr std::chrono::milliseconds saved_up{100};

  std::mutex lock_;
  std::uint64_t bytes_a_second_ = 0;
  Clock::time_point next_;  // when all that was told would be written at that rate
};

}  // namespace samepage::dedup
