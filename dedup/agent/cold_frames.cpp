// SPDX-License-Identifier: Apache-2.0
#include "dedup/agent/cold_frames.hpp"

#include <algorithm>
#include <utility>

#include "dedup/protocol.hpp"

namespace samepage::dedup {
namespace {

constexpr std::uint32_t looked_at_together = 4096;

void join_neighbours(std::vector<PageRange>& ranges) {
  std::vector<PageRange> joined;
  for (const PageRange& range : ranges) wire::append_range(joined, range);
  ranges = std::move(joined);
}

}  // namespace

void ColdFrames::want(std::uint64_t pages, Which which, Clock::time_point now) {
  which_ = still_ ? Which::all : which;
  most_ = pages;
  wanted_until_ = now + lasting;
  // Where no look was made before, the first one finds only what was ever used.
  looks_ = which_ == Which::all ? 1 : looks;
  next_look_ = which_ == Which::all || !mapped_ ? now : std::max(now, last_look_ + interval_);
}

void ColdFrames::goes_on(Clock::time_point now) {
  if (std::exchange(still_, false)) wanted_until_ = now;
}

void ColdFrames::joined(Clock::time_point now) {
  said_ = false;
  if (still_) want(pages_.count(), Which::all, now);
}

std::optional<ColdFrames::Clock::time_point> ColdFrames::due() const {
  std::optional<Clock::time_point> due;
  if (looks_ > 0) due = next_look_;
  if (said_ && !still_) due = due ? std::min(*due, wanted_until_) : wanted_until_;
  return due;
}

ColdFrames::Step ColdFrames::next(Clock::time_point now) {
  Step step;
  if (!still_ && now >= wanted_until_) {
    looks_ = 0;
    step.warm = std::exchange(said_, false);
  } else if (looks_ > 0 && now >= next_look_) {
    --looks_;
    const bool first = !mapped_;
    look(step);
    std::uint64_t found = 0;
    for (const PageRange& range : step.cold) found += range.count;
    interval_ = first || found > found_ ? interval : std::min(2 * interval_, longest_interval);
    found_ = found;
    last_look_ = now;
    next_look_ = now + interval_;
    said_ = said_ || !step.cold.empty();
  }
  return step;
}

void ColdFrames::look(Step& step) {
  const std::vector<PageRange> in_store = states_.all_in_store();
  if (which_ == Which::all) {
    step.cold = in_store;
    return;
  }
  std::vector<bool> used(pages_.count());
  for (const PageRange& piece : pages_.pieces_of(in_store, looked_at_together)) {
    for (const PageRun& run : pagemap_.populated(pages_.bytes_of(piece))) {
      if (!run.is(page_is_present)) continue;
      for (const PageIndex page : pages_of(run, piece.first)) used[page.value] = true;
    }
  }
  const bool may_tell = std::exchange(mapped_, true);
  std::uint64_t left = may_tell ? most_ : 0;
  for (const PageRange& range : coldness_.coldest(0)) {
    bool any_used = false;
    for (const PageIndex page : range) {
      if (!states_.is_in_store(page)) continue;
      any_used = any_used || used[page.value];
      if (used[page.value] || left == 0) continue;
      --left;
      wire::append_page(step.cold, page);
    }
    if (any_used) step.used.push_back(range);
  }
  for (auto* list : {&step.cold, &step.used}) {
    wire::sort_by_page(*list);
    join_neighbours(*list);
  }
}

}  // namespace samepage::dedup
