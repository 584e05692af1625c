// SPDX-License-Identifier: Apache-2.0
// What the Remapper does for one range, for lists of any length: cut into pieces that are quickly done, as
// far as the mapping budget goes, under as many holds of the guest as that takes. Tells the tracker. The
// agent's thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <span>
#include <vector>

#include "dedup/agent/frame_copies.hpp"
#include "dedup/agent/guest_holds.hpp"
#include "dedup/agent/guest_pages.hpp"
#include "dedup/agent/image_pages.hpp"
#include "dedup/agent/mapping_budget.hpp"
#include "dedup/agent/mapping_shortage.hpp"
#include "dedup/agent/page_states.hpp"
#include "dedup/agent/remapper.hpp"
#include "dedup/agent/tracker.hpp"
#include "dedup/protocol.hpp"

namespace samepage::dedup {

class BulkRemapper {
 public:
  /// All must outlive it.
  BulkRemapper(const GuestPages& pages, PageStates& states, Tracker& tracker, WriteBarrier& barrier,
               MappingBudget& budget, MappingShortage& shortage);

  /// References and offers that went with the pages. The daemon may hear of them when the call has returned:
  /// it may reap a frame as soon as it hears that nobody maps it.
  struct Lost {
    std::vector<PageRange> broken;
    std::vector<PageRange> withdrawn;
  };
  struct Merging {
    wire::Merged merged;       // what the daemon is to hear
    std::uint64_t failed = 0;  // pages that were compared and differed
    // Of pages that were merged already, and were granted a slot in place of their frame:
    std::uint64_t moves_granted = 0;
    std::uint64_t moved = 0;
  };

  /// Merges what the daemon has granted: `grants` are within the guest, and their frames in `files` or
  /// refused. The longest runs first where mappings are scarce; pages that get none are unaffordable then.
  [[nodiscard]] Merging merge(const FrameFiles& files, std::vector<wire::Grant> grants);
  /// Maps pages of an image that is being loaded; `grants` lie within its runs. Nothing runs yet.
  [[nodiscard]] wire::Merged place(const FrameFiles& files, ImagePages& image,
                                   std::vector<wire::Grant> grants);
  /// Gives back the pages of `ranges` that are zero. Returns how many.
  std::uint64_t give_back(std::span<const PageRange> ranges);
  /// Drops the memory of `range`, but for what the kernel can't.
  [[nodiscard]] Lost discard(const PageRange& range);
  /// Maps from `backing` what is still as it is there, as far as there are mappings for it. Returns the
  /// offers that went with the pages.
  [[nodiscard]] std::vector<PageRange> back(const Backing& backing);
  /// Maps what of `ranges`, which are in ascending order, is merged with frames of `store` once more, as far
  /// as there are mappings for it: Remapper::map_again().
  void map_again(int store, std::span<const PageRange> ranges, const Pagemap& pagemap);
  /// Puts all of memory back to what it was when it was mapped from `backing`: StillMemory. `mapped` are its
  /// mappings now. What went with the pages is added to `lost`. The guest is held by the caller too.
  std::uint64_t put_back(const Backing& backing, std::span<const PageRange> mapped, const Pagemap& pagemap,
                         Lost& lost);
  /// Brings pages into memory. False when the disk below has lost some: to touch those would end the guest.
  [[nodiscard]] bool read_in(const PageRange& range) const;
  /// Gives the pages of `ranges` memory of the guest's own, as far as there is room for it and they can be
  /// read.
  [[nodiscard]] std::vector<PageRange> unmerge(std::span<const PageRange> ranges);

  /// Gives back what is kept between two calls.
  void forget_copies() { copies_.forget(); }
  [[nodiscard]] GuestHolds& holds() { return holds_; }
  [[nodiscard]] const GuestHolds& holds() const { return holds_; }

 private:
  [[nodiscard]] std::vector<wire::Grant> split_off_excess(std::vector<wire::Grant>& pieces);
  void have_wait(const PageRange& range, Merging& merging);
  [[nodiscard]] std::uint64_t drop_unaffordable(std::vector<PageRange>& pieces);
  void note_replaced(std::uint64_t mappings);

  const GuestPages& pages_;
  PageStates& states_;
  Tracker& tracker_;
  MappingBudget& budget_;
  MappingShortage& shortage_;
  WriteBarrier& barrier_;
  Remapper remapper_;
  FrameCopies copies_;
  GuestHolds holds_;
};

}  // namespace samepage::dedup
