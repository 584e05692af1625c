// SPDX-License-Identifier: Apache-2.0
// Pseudo-random numbers by splitmix64 (Steele, Lea, Flood 2014).
#pragma once

#include <cstdint>

namespace samepage::guest {

inline constexpr std::uint64_t golden_ratio = 0x9e3779b97f4a7c15;

/// A bijection in which every bit of the input affects every bit of the output.
constexpr std::uint64_t mix(std::uint64_t value) {
  value = (value ^ value >> 30) * 0xbf58476d1ce4e5b9;
  value = (value ^ value >> 27) * 0x94d049bb133111eb;
  return value ^ value >> 31;
}

class Random {
 public:
  explicit constexpr Random(std::uint64_t seed) : state_(seed) {}

  constexpr std::uint64_t next() { return mix(state_ += golden_ratio); }
  constexpr std::uint64_t below(std::uint64_t limit) { return next() % limit; }

 private:
  std::uint64_t state_;
};

}  // namespace samepage::guest
