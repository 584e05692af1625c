// SPDX-License-Identifier: Apache-2.0
#include "dedup/agent/rehash_tracker.hpp"

namespace samepage::dedup {

RehashTracker::RehashTracker(const GuestPages& pages, const Pagemap& pagemap)
    : pages_(pages),
      pagemap_(pagemap),
      last_(Mapping::anonymous(pages_for(pages.count() * sizeof(std::uint32_t)).bytes())) {}

Tracker::Changes RehashTracker::take(const Look& look) {
  Changes changes;
  for (const PageRange& range : look.due) {
    for (const PageRun& run : pagemap_.populated(pages_.bytes_of(range))) {
      const PageRange pages = pages_of(run, range.first);
      if (run.is_surely_own()) changes.own.push_back(pages);
      // What is swapped out is not read to be hashed.
      if (run.is(page_is_present) && !run.is(page_is_zero)) changes.candidates.push_back(pages);
    }
  }
  return changes;
}

bool RehashTracker::quiet(PageIndex page, Digest digest) {
  std::uint32_t& before = last(page);
  const auto now = static_cast<std::uint32_t>(digest.value) | 1U;
  const bool same = before == now;
  before = now;
  return same;
}

void RehashTracker::forget_all() {
  last_ = Mapping::anonymous(last_.size());
}

}  // namespace samepage::dedup
