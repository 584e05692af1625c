// SPDX-License-Identifier: Apache-2.0
// When an agent makes its next pass.
//
// A pass comes `interval` after the last one while passes find something; then they become rarer. What a
// guest writes meanwhile shows without a pass: the first write to a page since it was last looked at is a
// page fault of the process, and the kernel counts them. So a guest that wakes up is looked at a moment
// later, and one that sleeps costs a system call now and then. With the rehash tracker nothing is protected,
// and only the clock decides. How much of the processor passes take is the daemon's matter (CPU_TURN).
// Pure: the time and the faults are told.
#pragma once

#include <chrono>
#include <cstdint>

#include "dedup/protocol.hpp"

namespace samepage::dedup {

class PassSchedule {
 public:
  using Clock = std::chrono::steady_clock;
  /// Between two looks at the count of page faults while passes are rarer than that.
  static constexpr std::chrono::milliseconds probe_interval{200};
  /// Faults since the last pass that are worth a pass before its time.
  static constexpr std::int64_t faults_worth_a_pass = 16;

  explicit PassSchedule(Clock::time_point now) { restart(now); }

  /// The next pass begins now, and whatever was known is forgotten: a daemon was joined.
  void restart(Clock::time_point now);
  /// Somebody knows that it is worth looking, whatever the clock says: two passes, as early as may be, since
  /// a page is quiet when it was not written between two.
  void ask() { asked_ = 2; }
  /// Whether the next pass is one of those.
  [[nodiscard]] bool asked() const { return asked_ > 0; }

  /// When the next pass begins, by what is known now. `faults`: of the process, since it began, without the
  /// agent's own, which are nobody's writes; only their growth counts.
  [[nodiscard]] Clock::time_point due(std::int64_t faults) const;
  /// A pass has ended.
  struct Pass {
    Clock::time_point end;
    bool found = false;
    bool asked = false;       // somebody had asked for it when it began
    std::int64_t faults = 0;  // by now
  };
  void passed(const Pass& pass, const wire::Knobs& knobs);

 private:
  Clock::time_point regular_;
  Clock::time_point earliest_;
  std::chrono::milliseconds interval_{0};
  std::int64_t faults_ = 0;
  int asked_ = 0;
};

}  // namespace samepage::dedup
