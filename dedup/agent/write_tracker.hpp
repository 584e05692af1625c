// SPDX-License-Identifier: Apache-2.0
// Asks the kernel which pages were written since the last look (base/write_tracking.hpp). A page that was
// written in one interval and not in the next is quiet and is hashed once; a page that is written all the
// time is never hashed, and one that nobody touches costs two nanoseconds a pass. Ranges that are written all
// the time are looked at less and less often (heat.hpp). One bit a page.
//
// A page that the kernel swaps out keeps its protection there: a write is found wherever the page is by then.
// What is swapped out is not read to be hashed.
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
  WriteTracker(const GuestPages& pages, const PageStates& states, const Pagemap& pagemap,
               WriteTracking tracking);

  [[nodiscard]] Evidence evidence() const override { return Evidence::writes; }
  [[nodiscard]] Look find_written(const PageRange& range) override;
  [[nodiscard]] Changes take(const Look& look) override;
  void look_everywhere() override { heat_.end_rests(); }
  bool quiet(PageIndex, Digest) override { return true; }
  void forget(PageIndex page) override { set_unsettled(page); }
  void dropped(PageIndex page) override { word_of(page) &= ~bit_of(page); }
  void forget_all() override;
  void mappings_replaced() override { replaced_ = true; }
  void track(std::span<const std::byte> mapping) noexcept override { (void)tracking_.add(mapping); }
  [[nodiscard]] bool watch(const PageRange& range, const std::function<void(PageRange)>& own) override;
  [[nodiscard]] bool written_since(const PageRange& range,
                                   const std::function<void(PageRange)>& visit) const override;
  [[nodiscard]] std::span<const std::byte> metadata() const override { return unsettled_.bytes(); }

 private:
  void track_all();
  void ask(const PageRange& range, Look& look);
  void take_untracked(const PageRange& range, Changes& changes);
  [[nodiscard]] std::vector<PageRange> swapped_in(const PageRange& range);
  void take_settled(const PageRange& range, std::span<const PageRange> swapped,
                    std::vector<PageRange>& candidates);
  void note_heat(const PageRange& due, std::span<const PageRange> own);
  [[nodiscard]] Pagemap::Files files_in(const PageRange& range) const;
  // SAFETY: zeroed memory that holds a bit for each page and nothing else.
  std::uint64_t& word_of(PageIndex page) {
    return reinterpret_cast<std::uint64_t*>(unsettled_.data())[page.value / 64];
  }
  static std::uint64_t bit_of(PageIndex page) { return std::uint64_t{1} << page.value % 64; }
  void set_unsettled(PageIndex page) { word_of(page) |= bit_of(page); }

  const GuestPages& pages_;
  const PageStates& states_;
  const Pagemap& pagemap_;
  WriteTracking tracking_;
  Mapping unsettled_;  // a bit a page: written, and not hashed since
  Heat heat_;
  bool replaced_ = true;  // mappings were, since all were registered
};

}  // namespace samepage::dedup
