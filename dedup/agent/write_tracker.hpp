// SPDX-License-Identifier: Apache-2.0
// Asks the kernel which pages were written since the last look (base/write_tracking.hpp). A page that was
// written in one interval and not in the next is quiet and is hashed once; a page that is written all the
// time is never hashed, and one that nobody touches costs two nanoseconds a pass. Ranges that are written all
// the time are looked at less and less often (heat.hpp). One bit a page.
//
// Memory that the kernel refuses to track, or whose tracking fails, is merely not tracked: what is merged
// there is looked at in the page tables, and nothing is offered from there until it can be tracked again.
#pragma once

#include <cstdint>
#include <vector>

#include "base/mapping.hpp"
#include "base/write_tracking.hpp"
#include "dedup/agent/heat.hpp"
#include "dedup/agent/tracker.hpp"

namespace samepage::dedup {

class WriteTracker final : public Tracker {
 public:
  WriteTracker(const GuestPages& pages, const Pagemap& pagemap, WriteTracking tracking);

  [[nodiscard]] Evidence evidence() const override { return Evidence::writes; }
  Changes look(const GuestPages::Region& region, std::uint32_t first, std::uint32_t count,
               const Sweep& sweep) override;
  void look_everywhere() override { heat_.end_rests(); }
  bool quiet(std::uint32_t, Digest) override { return true; }
  void forget(std::uint32_t page) override { set_unsettled(page); }
  void dropped(std::uint32_t page) override { unsettled(page) &= ~(std::uint64_t{1} << page % 64); }
  void forget_all() override;
  void mappings_replaced() override { untracked_mappings_ = true; }
  void track(std::span<const std::byte> mapping) noexcept override { (void)tracking_.add(mapping); }
  [[nodiscard]] std::span<const std::byte> books() const override { return unsettled_.bytes(); }

 private:
  void track_all();
  void look_at(const GuestPages::Region& region, std::uint32_t first, std::uint32_t end, const Sweep& sweep,
               Changes& changes);
  void look_at_untracked(const GuestPages::Region& region, std::uint32_t first, std::uint32_t end,
                         Changes& changes);
  [[nodiscard]] Pagemap::Files files_in(const wire::PageRange& range) const;
  void note_heat(std::uint32_t first, std::uint32_t end, const Changes& changes, std::size_t first_run);
  void take_settled(std::uint32_t first, std::uint32_t end, std::vector<wire::PageRange>& candidates);
  // SAFETY: zeroed memory that holds a bit for each page and nothing else.
  std::uint64_t& unsettled(std::uint32_t page) {
    return reinterpret_cast<std::uint64_t*>(unsettled_.data())[page / 64];
  }
  void set_unsettled(std::uint32_t page) { unsettled(page) |= std::uint64_t{1} << page % 64; }

  const GuestPages& pages_;
  const Pagemap& pagemap_;
  WriteTracking tracking_;
  Mapping unsettled_;  // a bit a page: written, and not hashed since
  Heat heat_;
  bool untracked_mappings_ = true;
};

}  // namespace samepage::dedup
