// SPDX-License-Identifier: Apache-2.0
#include "bench/convergence.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/check.hpp"
#include "bench/interruption.hpp"
#include "bench/process_clock.hpp"

namespace samepage::bench {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr milliseconds sample_interval{20};

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

bool Stillness::add(std::chrono::nanoseconds at, std::uint64_t pages_shared, std::uint64_t full_scans) {
  if (shared_ != pages_shared) {
    shared_ = pages_shared;
    changed_at_ = at;
    scans_at_change_ = full_scans;
    return false;
  }
  return at - changed_at_ > time && full_scans >= scans_at_change_ + scans;
}

std::vector<Sample> watch(Engine& engine, const std::function<void()>& start, std::chrono::seconds limit) {
  const auto cpu_before = engine.cpu_time();
  const auto host_before = cpu_time_of_host();
  const auto began = Clock::now();
  start();
  std::vector<Sample> samples;
  Stillness stillness;
  for (;;) {
    pause_for(sample_interval);
    const std::uint64_t shared = engine.pages_shared();
    const auto at = Clock::now() - began;
    samples.push_back({at, engine.cpu_time() - cpu_before, shared, cpu_time_of_host() - host_before});
    if (stillness.add(at, shared, engine.full_scans())) return samples;
    if (at > limit) {
      fmt::print(
          stderr,
          "samepage-bench: sharing had not settled after {} s, so the figures are of an unfinished run; "
          "raise --limit\n",
          limit.count());
      return samples;
    }
  }
}

}  // namespace samepage::bench
