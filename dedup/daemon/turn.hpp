// SPDX-License-Identifier: Apache-2.0
// A turn at the daemon's one thread: a number of steps, after which others have theirs. Work is counted in
// steps and not in time, so that tests can say how much is done; one step is about half a microsecond.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>

namespace samepage::dedup {

class Turn {
 public:
  static constexpr std::uint64_t endless = std::numeric_limits<std::uint64_t>::max();
  /// About half a millisecond.
  static constexpr std::uint64_t usual = 1024;

  explicit Turn(std::uint64_t steps = usual) : left_(steps) {}

  void take(std::uint64_t steps = 1) { left_ -= std::min(left_, steps); }
  [[nodiscard]] bool over() const { return left_ == 0; }

 private:
  std::uint64_t left_;
};

/// How far something got that may take several turns.
enum class Progress : std::uint8_t { done, more, violation };

}  // namespace samepage::dedup
