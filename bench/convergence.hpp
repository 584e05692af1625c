// SPDX-License-Identifier: Apache-2.0
// How sharing grows: samples of what is shared and of what that has cost, until nothing changes.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "bench/engine.hpp"

namespace samepage::bench {

struct Sample {
  std::chrono::nanoseconds at{0};   // since the start
  std::chrono::nanoseconds cpu{0};  // used since the start, by the engine
  std::uint64_t pages_shared = 0;
  std::chrono::nanoseconds host_cpu{0};  // the same by everybody
};

/// The first sample with at least `pages` shared. Pure.
std::optional<Sample> reached(const std::vector<Sample>& samples, std::uint64_t pages);
/// The first sample from which on nothing changed, of at least one. Pure.
Sample settled(const std::vector<Sample>& samples);

/// Decides when sharing has settled: nothing has changed for a while and for some full scans, because pages
/// that are checked in one scan are merged in the next. Pure.
class Stillness {
 public:
  static constexpr std::chrono::milliseconds time{600};
  static constexpr std::uint64_t scans = 3;

  /// A sample, taken `at` since the start; true when nothing changes any more.
  bool add(std::chrono::nanoseconds at, std::uint64_t pages_shared, std::uint64_t full_scans);

 private:
  std::optional<std::uint64_t> shared_;
  std::chrono::nanoseconds changed_at_{0};
  std::uint64_t scans_at_change_ = 0;
};

/// Calls `start` and watches until sharing has settled; says on stderr when it has not within `limit`.
std::vector<Sample> watch(Engine& engine, const std::function<void()>& start, std::chrono::seconds limit);

}  // namespace samepage::bench
