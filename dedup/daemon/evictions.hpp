// SPDX-License-Identifier: Apache-2.0
// Frames of the store that all sharers have left cold go out to slots of paging files.
//
//   COLD of the last sharer      the frame is queued; when its turn comes it gets a slot, its twin, and the
//                                daemon writes the bytes there: it owns the store, nobody has to donate
//   the slot is on the disk      still all cold: the content is found at the slot from now on, and every
//                                sharer is told to map the slot instead. Otherwise the slot goes
//   a sharer has mapped it       its reference goes over; after the last one the frame is reaped
//   a sharer could not           it stays with the frame, and is told again when it is cold again. The twin
//                                goes when nobody else is to map it
//   a sharer wrote its page,     its reference to the frame goes. What it was told it answers in its own time
//   or its process is gone
//
// A frame keeps its twin, also one that nobody maps yet, for as long as a sharer may be about to map it. New
// sharers of the content come to the frame until the slot is on the disk, and to the slot from then on: so
// the content is never in a third place. Pure; the Merger's.
#pragma once

#include <cstdint>
#include <deque>

#include "dedup/daemon/dups.hpp"
#include "dedup/daemon/ledger.hpp"
#include "dedup/daemon/orders.hpp"
#include "dedup/daemon/turn.hpp"

namespace samepage::dedup {

class Evictions {
 public:
  /// A frame with more references stays in memory: it is one page, and would be so many more mappings.
  static constexpr std::uint32_t most_references = 256;
  /// Frames whose bytes are on their way to a disk at a time: they are in memory twice.
  static constexpr std::uint32_t most_under_way = 512;

  /// All must outlive it.
  Evictions(Ledger& ledger, const Dups& dups, MergerOrders& orders)
      : ledger_(ledger), dups_(dups), orders_(orders) {}

  /// The guest of a page that is merged with a frame of the store does not use it.
  void cold(PageId page);
  /// The slot has its bytes, or can't get them.
  void written(FrameId slot);
  void not_written(FrameId slot) { ledger_.close_twin(*records().twin(slot)); }
  /// Whether the slot is a frame's twin.
  [[nodiscard]] bool is_twin(FrameId slot) const { return is_slot(slot) && records().twin(slot).has_value(); }
  /// After a reference of `frame` has gone, or a moving page has stayed. False where that is nothing special:
  /// a frame without references is to be reaped.
  [[nodiscard]] bool settle(FrameId frame);

  /// Gives slots to frames that are to go out. True when all is done that can be now.
  [[nodiscard]] bool go_on(Turn& turn);
  [[nodiscard]] bool busy() const { return !queue_.empty() && ledger_.twins_under_way() < most_under_way; }

 private:
  [[nodiscard]] const FrameRefs& records() const { return ledger_.records(); }
  [[nodiscard]] bool may_go(FrameId frame) const;
  void send(PageId page, FrameId slot);

  Ledger& ledger_;
  const Dups& dups_;
  MergerOrders& orders_;
  std::deque<FrameId> queue_;  // each number once; what does not hold any more stays until its turn comes
};

}  // namespace samepage::dedup
