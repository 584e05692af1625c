// SPDX-License-Identifier: Apache-2.0
// Looks at a part of a guest's memory and decides what is to be done about its pages. Reads memory, page
// tables and what the guest goes on from, changes none of them. The agent's thread.
#pragma once

#include <vector>

#include "base/pagemap.hpp"
#include "dedup/agent/agent.hpp"
#include "dedup/agent/coldness.hpp"
#include "dedup/agent/findings.hpp"
#include "dedup/agent/guest_pages.hpp"
#include "dedup/agent/origins.hpp"
#include "dedup/agent/page_states.hpp"
#include "dedup/agent/tracker.hpp"

namespace samepage::dedup {

class PageScan {
 public:
  /// All must outlive it.
  PageScan(const GuestPages& pages, PageStates& states, Tracker& tracker, const Pagemap& pagemap,
           Coldness& coldness, Origins& origins, Sharing sharing)
      : pages_(pages),
        states_(states),
        tracker_(tracker),
        pagemap_(pagemap),
        coldness_(coldness),
        origins_(origins),
        sharing_(sharing) {}

  /// Pages among the written ones that were never seen before, and look all zero. None in a uniform domain.
  [[nodiscard]] std::vector<PageRange> new_zero_pages(const Tracker::Look& look);
  /// The second step of a look: what was written, what is quiet.
  void take(const Tracker::Look& look, const DigestSecret& secret, Findings& findings);
  /// Which pages of `range`, all of them shared and in one region, have memory of the guest's own.
  void find_breaks(const PageRange& range, Findings& findings);
  /// The page has memory of the guest's own: if it was shared, it was written.
  void note_break(PageIndex page, Findings& findings);
  /// Notes which pages of `paged`, each of which lies in one region and is paged, the guest has read. Returns
  /// how many of them are in memory.
  std::uint64_t find_resident(const std::vector<PageRange>& paged, Findings& findings);
  /// Offers the pages of `zero` that turned out not to be zero.
  void offer_the_others(const std::vector<PageRange>& zero, const DigestSecret& secret, Findings& findings);
  /// Offers the pages of `runs` that could not be mapped from there.
  void offer_what_is_left(const std::vector<BackedRun>& runs, const DigestSecret& secret, Findings& findings);

 private:
  [[nodiscard]] bool tracks_writes() const { return tracker_.evidence() == Tracker::Evidence::writes; }
  [[nodiscard]] bool offers() const { return sharing_ == Sharing::all || is_uniform(); }
  [[nodiscard]] bool is_uniform() const { return sharing_ == Sharing::uniform; }
  [[nodiscard]] bool is_zero(const std::byte* memory) const;
  void consider(PageIndex page, const DigestSecret& secret, Findings& findings);

  const GuestPages& pages_;
  PageStates& states_;
  Tracker& tracker_;
  const Pagemap& pagemap_;
  Coldness& coldness_;
  Origins& origins_;
  Sharing sharing_;
};

}  // namespace samepage::dedup
