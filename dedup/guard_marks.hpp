// SPDX-License-Identifier: Apache-2.0
// How much memory has to be left for what the break guard does. All are parts of low water, so that agents
// and the daemon mean the same. Pure.
//
//   plenty ─ those who stand still may go on, one after the other
//   low    ─ below: the daemon orders the fastest to stand still, one after the other, while others take more
//   again  ─ above: where nobody takes memory any more, one may go on
//   stop   ─ below: whoever takes more stands still at once and asks nobody. What is left is for what guests
//            write until then, and for all others.
#pragma once

#include <cstdint>

namespace samepage::dedup {

struct GuardMarks {
  std::uint64_t low = 0;  // bytes, as the others

  [[nodiscard]] constexpr std::uint64_t plenty() const { return low + low / 2; }
  [[nodiscard]] constexpr std::uint64_t again() const { return low / 4 * 3; }
  [[nodiscard]] constexpr std::uint64_t stop() const { return low / 2; }
};

}  // namespace samepage::dedup
