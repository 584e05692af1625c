// SPDX-License-Identifier: Apache-2.0
// The time of the processor that an agent's thread has been given for what can wait (CPU_TURN). Times are
// those of the thread's own clock. Pure; one thread.
#pragma once

#include <chrono>
#include <optional>

namespace samepage::dedup {

class CpuTurn {
 public:
  using Cpu = std::chrono::nanoseconds;

  /// The daemon is asked, and what was left of the last turn is over.
  void ask() { asked_ = true, end_.reset(); }
  [[nodiscard]] bool asked() const { return asked_; }
  /// The daemon gives one. Nothing comes of one that nobody has asked for.
  void begin(Cpu time, Cpu now) {
    if (asked_) end_ = now + time;
    asked_ = false;
  }
  /// Not wanted any more.
  void end() { *this = {}; }

  /// Whether it is there, used up or not.
  [[nodiscard]] bool begun() const { return end_.has_value(); }
  [[nodiscard]] bool goes_on(Cpu now) const { return end_ && now < *end_; }

 private:
  bool asked_ = false;
  std::optional<Cpu> end_;
};

}  // namespace samepage::dedup
