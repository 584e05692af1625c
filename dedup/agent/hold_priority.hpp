// SPDX-License-Identifier: Apache-2.0
// What is done while a guest is held takes half a millisecond, unless the thread loses its processor
// meanwhile: then the guest stands still for as long as others have it. A process that may use real-time
// priorities (root, or a limit of RLIMIT_RTPRIO of 1 or more) does not lose it. The same for a look at memory
// that guests may use up.
#pragma once

namespace samepage::dedup {

/// The calling thread has the lowest real-time priority while this exists, where it may, and what it had
/// before afterwards. A thread that is real-time already stays what it is. Costs nothing more where it was
/// refused once.
class HoldPriority {
 public:
  HoldPriority();
  ~HoldPriority();
  /// Whether this process may not, as far as anybody has tried.
  [[nodiscard]] static bool is_refused();
  HoldPriority(const HoldPriority&) = delete;
  HoldPriority& operator=(const HoldPriority&) = delete;

 private:
  int former_policy_ = -1;  // -1: nothing was changed
};

}  // namespace samepage::dedup
