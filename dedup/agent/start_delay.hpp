// SPDX-License-Identifier: Apache-2.0
// When an agent may start another daemon: less and less often where daemons end as soon as they are started,
// soon again after one that lasted. Pure: the time is passed in.
#pragma once

#include <algorithm>
#include <chrono>

namespace samepage::dedup {

class StartDelay {
 public:
  using Clock = std::chrono::steady_clock;
  static constexpr std::chrono::seconds shortest{1};
  static constexpr std::chrono::seconds longest{60};

  /// A daemon was joined.
  void joined(Clock::time_point now) { joined_ = now; }
  [[nodiscard]] bool may_start(Clock::time_point now) const { return now >= next_; }
  /// One is being started; may_start() is false for a while.
  void started(Clock::time_point now) {
    const bool lasted = joined_ != Clock::time_point{} && now - joined_ >= longest;
    joined_ = {};
    delay_ = std::min<Clock::duration>(lasted ? 2 * shortest : 2 * delay_, longest);
    next_ = now + delay_;
  }

 private:
  Clock::time_point next_;    // not before
  Clock::time_point joined_;  // when the last one was; none since the last start otherwise
  Clock::duration delay_ = shortest;
};

}  // namespace samepage::dedup
