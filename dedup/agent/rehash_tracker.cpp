// SPDX-License-Identifier: Apache-2.0
#include "dedup/agent/rehash_tracker.hpp"

namespace samepage::dedup {

RehashTracker::RehashTracker(const GuestPages& pages, const Pagemap& pagemap)
    : pagemap_(pagemap),
      pages_(pages.count()),
      seen_(Mapping::anonymous(pages_for(pages_ * sizeof(std::uint32_t)).bytes())) {}

Tracker::Changes RehashTracker::look(const GuestPages::Region& region, std::uint32_t first,
                                     std::uint32_t count, const Sweep&) {
  Changes changes;
  changes.populated = pagemap_.populated(region.bytes_of(first, count));
  for (PageRun& run : changes.populated) {
    run.first += first;
    if (run.is(page_is_zero) || !run.is(page_is_present)) continue;
    changes.candidates.push_back(
        {static_cast<std::uint32_t>(run.first), static_cast<std::uint32_t>(run.count)});
  }
  return changes;
}

bool RehashTracker::quiet(std::uint32_t page, Digest digest) {
  std::uint32_t& seen = last(page);
  const auto now = static_cast<std::uint32_t>(digest.value) | 1U;
  const bool same = seen == now;
  seen = now;
  return same;
}

void RehashTracker::forget_all() {
  seen_ = Mapping::anonymous(seen_.size());
}

}  // namespace samepage::dedup
