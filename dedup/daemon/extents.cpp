// SPDX-License-Identifier: Apache-2.0
#include "dedup/daemon/extents.hpp"

#include <algorithm>
#include <bit>

#include "base/check.hpp"

namespace samepage::dedup {
namespace {

constexpr std::uint32_t roomy =
    64;  // a free run from this length on is worth starting a new run of frames in
// Of numbers, where one of them is to lie anywhere. Not fewer while few are in use: old ones would lie closer
// together than new ones, and the kernel finds pages of a file sooner where there are many.
constexpr std::uint64_t least_choice = 1U << 20U;
// Every other number or more is free, unless nearly all that there are are in use.
constexpr int most_draws = 64;

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
  if (wanted < std::min(end_, most)) {
    if (const auto run = run_with(wanted); run != free_.end()) return take(run, wanted, 1);
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

// The run of free numbers below end_ that has `number`.
Extents::Runs::iterator Extents::run_with(std::uint32_t number) {
  auto run = free_.upper_bound(number);
  if (run == free_.begin()) return free_.end();
  --run;
  return number - run->first < run->second ? run : free_.end();
}

// A number in use is drawn again, and not its free neighbour taken: low numbers were drawn from more often,
// when there were fewer, and are in use in long runs.
std::optional<std::uint32_t> Extents::allocate_anywhere(const std::function<std::uint64_t()>& random) {
  if (in_use() == limit_) return std::nullopt;
  const std::uint64_t choice = std::min<std::uint64_t>(
      limit_, std::max(least_choice, std::bit_ceil(2 * (std::uint64_t{in_use()} + 1))));
  for (int draws = 0; draws < most_draws; ++draws) {
    const auto drawn = static_cast<std::uint32_t>(random() % choice);
    if (drawn >= end_) return extend_to(drawn);
    if (const auto run = run_with(drawn); run != free_.end()) return take(run, drawn, 1);
  }
  if (free_.empty()) return end_++;
  return take(free_.begin(), free_.begin()->first, 1);
}

std::uint32_t Extents::extend_to(std::uint32_t last) {
  if (last > end_) free_.emplace(end_, last - end_);
  free_count_ += last - end_;
  end_ = last + 1;
  return last;
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
