// SPDX-License-Identifier: Apache-2.0
// How long a guest was held, how often: a histogram. It is added up by the agent, told to the daemon in
// REPORT and shown by `stat` and metrics. Pure.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

namespace samepage::dedup {

struct HoldTimes {
  /// Where each bucket ends, in microseconds; the last one has no end. 500 is the knob hold-budget's default.
  static constexpr std::array<std::uint64_t, 10> up_to_us{50,    100,   250,    500,    1'000,
                                                          2'500, 5'000, 10'000, 25'000, 100'000};
  static constexpr std::size_t buckets = up_to_us.size() + 1;

  std::array<std::uint64_t, buckets> holds{};  // of each bucket, those of the ones before it left out
  std::uint64_t sum_us = 0;

  /// The bucket of a hold of that length.
  [[nodiscard]] static std::size_t bucket_of(std::uint64_t us) {
    return static_cast<std::size_t>(std::lower_bound(up_to_us.begin(), up_to_us.end(), us) -
                                    up_to_us.begin());
  }
  [[nodiscard]] std::uint64_t count() const {
    std::uint64_t sum = 0;
    for (const std::uint64_t of_bucket : holds) sum += of_bucket;
    return sum;
  }
  HoldTimes& operator+=(const HoldTimes& other) {
    for (std::size_t i = 0; i < buckets; ++i) holds[i] += other.holds[i];
    sum_us += other.sum_us;
    return *this;
  }
  /// What was added since `before`.
  HoldTimes& operator-=(const HoldTimes& before) {
    for (std::size_t i = 0; i < buckets; ++i) holds[i] -= before.holds[i];
    sum_us -= before.sum_us;
    return *this;
  }
  friend bool operator==(const HoldTimes&, const HoldTimes&) = default;
};

}  // namespace samepage::dedup
