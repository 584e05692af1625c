// SPDX-License-Identifier: Apache-2.0
// How sharing grows: samples of what is shared and of what it has cost so far, until nothing changes any
// more.
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
  std::chrono::nanoseconds cpu{0};  // used since the start
  std::uint64_t pages_shared = 0;
};

/// The first sample with at least `pages` shared. Pure.
std::optional<Sample> reached(const std::vector<Sample>& samples, std::uint64_t pages);
/// The first sample from which on nothing changed, of at least one. Pure.
Sample settled(const std::vector<Sample>& samples);

/// Calls `start` and watches until nothing has changed for a while and some full scans, or until `limit`.
std::vector<Sample> watch(Engine& engine, const std::function<void()>& start, std::chrono::seconds limit);

}  // namespace samepage::bench
