// SPDX-License-Identifier: Apache-2.0
#include "dedup/agent/tracker.hpp"

#include "dedup/agent/rehash_tracker.hpp"
#include "dedup/agent/write_tracker.hpp"

namespace samepage::dedup {

std::unique_ptr<Tracker> make_tracker(TrackerKind kind, const GuestPages& pages, const PageStates& states,
                                      const Pagemap& pagemap) {
  if (kind == TrackerKind::best && pagemap.sees_zero_page()) {
    if (auto tracking = WriteTracking::probe()) {
      // Not every memory can be tracked (huge pages of hugetlbfs, files of some file systems).
      const auto& regions = pages.regions();
      const bool all = std::all_of(regions.begin(), regions.end(),
                                   [&](const auto& region) { return tracking->add(region.memory.bytes()); });
      if (all) return std::make_unique<WriteTracker>(pages, states, pagemap, std::move(*tracking));
    }
  }
  return std::make_unique<RehashTracker>(pages, pagemap);
}

std::string_view name_of(Tracker::Evidence evidence) {
  return evidence == Tracker::Evidence::writes ? "write-protection" : "rehash";
}

}  // namespace samepage::dedup
