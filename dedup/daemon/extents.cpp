// SPDX-License-Identifier: Apache-2.0
#include "dedup/daemon/extents.hpp"

#include <algorithm>

#include "base/check.hpp"

namespace samepage::dedup {
namespace {

constexpr std::uint32_t roomy =
    64;  // a free run from this length on is worth starting a new run of frames in

}  // namespace

std::uint32_t Extents::take(Runs::iterator run, std::uint32_t first, std::uint32_t count) {
  const auto [run_first, run_count] = *run;
  free_.erase(run);
  if (first > run_first) free_.emplace(run_first, first - run_first);
  if (first + count < run_first + run_count)
    free_.emplace(first + count, run_first + run_count - first - count);
  free_count_ -= count;
  return first;
}

std::optional<std::uint32_t> Extents::allocate_near(std::uint32_t wanted, std::uint32_t most) {
  if (wanted == end_ && end_ < most) return end_++;
  if (wanted < std::min(end_, most) && !free_.empty()) {
    auto run = free_.upper_bound(wanted);
    if (run != free_.begin()) {
      --run;
      if (wanted < run->first + run->second) return take(run, wanted, 1);
    }
  }
  // Holes cost nothing in the store, numbers little: take an old run only when it is long or when there are
  // as many free numbers as used ones.
  if (free_count_ > in_use() || end_ >= most) {
    if (!free_.empty() && free_.begin()->first < most) return take(free_.begin(), free_.begin()->first, 1);
  } else if (!free_.empty() && free_.begin()->second >= roomy) {
    return take(free_.begin(), free_.begin()->first, 1);
  }
  if (end_ >= most) return std::nullopt;
  return end_++;
}

std::optional<std::uint32_t> Extents::allocate_run(std::uint32_t count) {
  for (auto run = free_.begin(); run != free_.end(); ++run) {
    if (run->second >= count) return take(run, run->first, count);
  }
  if (limit_ - end_ < count) return std::nullopt;
  end_ += count;
  return end_ - count;
}

std::optional<std::pair<std::uint32_t, std::uint32_t>> Extents::free_run(std::uint32_t from) const {
  auto run = free_.upper_bound(from);
  if (run != free_.begin()) {
    const auto before = std::prev(run);
    if (before->first + before->second > from) run = before;
  }
  if (run == free_.end()) return std::nullopt;
  return *run;
}

void Extents::release(std::uint32_t first, std::uint32_t count) {
  if (count == 0) return;
  free_count_ += count;
  auto next = free_.lower_bound(first);
  invariant(next == free_.end() || next->first >= first + count, "a number is released twice");
  if (next != free_.end() && next->first == first + count) {
    count += next->second;
    next = free_.erase(next);
  }
  if (next != free_.begin()) {
    auto previous = std::prev(next);
    invariant(previous->first + previous->second <= first, "a number is released twice");
    if (previous->first + previous->second == first) {
      first = previous->first;
      count += previous->second;
      free_.erase(previous);
    }
  }
  if (first + count == end_) {
    end_ = first;
    free_count_ -= count;
  } else {
    free_.emplace(first, count);
  }
}

}  // namespace samepage::dedup
