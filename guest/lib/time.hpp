// SPDX-License-Identifier: Apache-2.0
// Time by the TSC, and sleep by the local APIC's timer. Any CPU may call.
#pragma once

#include <cstdint>

namespace samepage::guest {

/// A time since the CPU's reset, or a length of time, in TSC ticks.
struct Ticks {
  std::uint64_t count;

  friend bool operator<(Ticks left, Ticks right) { return left.count < right.count; }
  friend bool operator>=(Ticks left, Ticks right) { return left.count >= right.count; }
  friend Ticks operator+(Ticks left, Ticks right) { return {left.count + right.count}; }
  friend Ticks operator-(Ticks left, Ticks right) { return {left.count - right.count}; }
};

[[nodiscard]] Ticks now();
[[nodiscard]] Ticks microseconds(std::uint64_t count);
[[nodiscard]] Ticks milliseconds(std::uint64_t count);
[[nodiscard]] std::uint64_t to_microseconds(Ticks ticks);

void spin_for(Ticks length);

/// Halts this CPU until then; never returns early.
void sleep_until(Ticks when);
inline void sleep_for(Ticks length) {
  sleep_until(now() + length);
}

}  // namespace samepage::guest
