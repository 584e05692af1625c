// SPDX-License-Identifier: Apache-2.0
#include "bench/convergence.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/check.hpp"
#include "bench/interruption.hpp"

namespace samepage::bench {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr milliseconds sample_interval{20};
constexpr milliseconds still_time{600};
constexpr std::uint64_t still_scans = 3;  // whoever checks pages in one scan merges them in the next

}  // namespace

std::optional<Sample> reached(const std::vector<Sample>& samples, std::uint64_t pages) {
  const auto found = std::find_if(samples.begin(), samples.end(),
                                  [&](const Sample& sample) { return sample.pages_shared >= pages; });
  return found == samples.end() ? std::nullopt : std::optional(*found);
}

Sample settled(const std::vector<Sample>& samples) {
  invariant(!samples.empty(), "nothing was sampled");
  auto first = samples.end() - 1;
  while (first != samples.begin() && (first - 1)->pages_shared == first->pages_shared) --first;
  return *first;
}

std::vector<Sample> watch(Engine& engine, const std::function<void()>& start, std::chrono::seconds limit) {
  const auto cpu_before = engine.cpu_time();
  const auto began = Clock::now();
  start();
  std::vector<Sample> samples;
  Clock::time_point changed = began;
  std::uint64_t scans_at_change = 0;
  for (;;) {
    pause_for(sample_interval);
    const std::uint64_t shared = engine.pages_shared();
    const auto now = Clock::now();
    const bool same = !samples.empty() && samples.back().pages_shared == shared;
    samples.push_back({now - began, engine.cpu_time() - cpu_before, shared});
    if (!same) {
      changed = now;
      scans_at_change = engine.full_scans();
    } else if (now - changed > still_time && engine.full_scans() >= scans_at_change + still_scans) {
      return samples;
    }
    if (now - began > limit) {
      fmt::print(stderr, "samepage-bench: sharing still grew after {} s\n", limit.count());
      return samples;
    }
  }
}

}  // namespace samepage::bench
