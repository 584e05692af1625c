// SPDX-License-Identifier: Apache-2.0
#include "dedup/agent/pass_schedule.hpp"

#include <algorithm>

namespace samepage::dedup {

using std::chrono::milliseconds;

void PassSchedule::restart(Clock::time_point now) {
  regular_ = earliest_ = now;
  interval_ = milliseconds(0);
}

PassSchedule::Clock::time_point PassSchedule::due(std::int64_t faults) const {
  return asked_ > 0 || faults - faults_ >= faults_worth_a_pass ? earliest_ : regular_;
}

void PassSchedule::passed(const Pass& pass, const wire::Knobs& knobs) {
  const milliseconds shortest(knobs.interval_ms);
  const milliseconds longest(std::max(knobs.interval_ms, knobs.max_interval_ms));
  interval_ = pass.found ? shortest : std::min(longest, std::max(interval_ * 2, shortest));
  regular_ = pass.end + interval_;
  earliest_ = pass.end + shortest;
  faults_ = pass.faults;
  if (pass.asked) asked_ = std::max(0, asked_ - 1);
}

}  // namespace samepage::dedup
