// SPDX-License-Identifier: Apache-2.0
#include "dedup/daemon/store_trimmer.hpp"

#include <algorithm>

namespace samepage::dedup {
namespace {

constexpr std::uint32_t steps_of_a_hole = 16;
constexpr std::uint32_t most_at_once = 256;  // a long hole may be full of pages

}  // namespace

void StoreTrimmer::reap(std::vector<FrameId> frames) {
  std::sort(frames.begin(), frames.end());
  for (std::size_t first = 0; first < frames.size();) {
    std::size_t end = first + 1;
    while (end < frames.size() && frames[end] == frames[end - 1] + 1) ++end;
    store_.reap(frames[first], static_cast<std::uint32_t>(end - first));
    first = end;
  }
}

void StoreTrimmer::begin() {
  if (!next_ && store_.allocated_bytes() > PageCount{records_.frames_in_use()}.bytes()) next_ = 0;
}

bool StoreTrimmer::go_on(Turn& turn) {
  while (next_) {
    if (turn.over()) return false;
    const std::uint32_t end = records_.frames_end();
    auto run = records_.free_run(*next_);
    if (!run && std::max(*next_, end) < store_.end()) run = {end, store_.end() - end};
    if (!run) {
      next_.reset();
      break;
    }
    const std::uint32_t first = std::max(run->first, *next_);
    const std::uint32_t count = std::min(run->first + run->second - first, most_at_once);
    store_.reap({first}, count);
    next_ = first + count;
    turn.take(steps_of_a_hole);
  }
  return true;
}

}  // namespace samepage::dedup
