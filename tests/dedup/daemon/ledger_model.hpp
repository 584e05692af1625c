// SPDX-License-Identifier: Apache-2.0
// The daemon's records against the most naive ones there are: of each page what its agent offered, was told
// to map and maps, and nothing else. Agents say anything in any order, true or not. After every step the
// Merger's states, references, counts and orders are what the naive records say; in the end nothing is left.
//
// A step that goes wrong ends the process, so that a fuzzer sees it.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "dedup/daemon/merger.hpp"
#include "tests/dedup/choices.hpp"
#include "tests/dedup/daemon/some_room.hpp"

namespace samepage::dedup {

class LedgerModel {
 public:
  struct Shape {
    std::uint32_t frames = 1000;
    std::uint32_t slots = 50;
    DupPolicy dups;
    bool uniform = false;
  };

  LedgerModel(const Shape& shape, Choose choose);

  /// Something happens, and all is compared.
  void step();
  /// Every agent answers until nobody has anything to say: what is equal is shared. Then all guests go.
  void finish();

 private:
  static constexpr std::uint32_t pages_of_guest = 8;
  static constexpr std::uint32_t contents = 8;

  enum class Phase : std::uint8_t { attached, detaching, detached, leaving };
  struct Guest {
    PageId first;
    Phase phase = Phase::attached;
    std::uint32_t done = 0;  // pages, while it departs
    bool references = false;
  };
  struct Page {
    std::optional<Digest> offered;  // and neither granted nor mapped since
    std::optional<FrameId> granted;
    std::optional<FrameId> mapped;
    bool cold = false;
  };
  // Forgets what was to be written to a slot that goes, as DomainSlots does.
  class Room final : public SomeRoom {
   public:
    using SomeRoom::SomeRoom;
    void release(FrameId slot) noexcept override {
      SomeRoom::release(slot);
      writing.erase(slot);
    }
    std::set<FrameId> writing;
  };

  [[nodiscard]] const FrameRefs& records() const { return merger_.records(); }
  [[nodiscard]] bool chance(std::uint32_t one_in) { return choose_(one_in) == 0; }
  Page& page(PageId id) { return pages_[id]; }
  std::optional<PageId> some_page();
  Guest* guest_of(PageId id);
  PageId granted_from(PageId id);

  void offer(PageId id, Digest digest);
  void offer_run(PageId id);
  void withdraw(PageId id);
  void answer(PageId id, Merger::Answer answer);
  void breaks(PageId id);
  void cold(PageId id);
  void leave_cold(PageId id);
  void donate(PageId id);
  void donate(PageId id, Digest digest);
  void slot_written();
  void go_on(std::uint64_t steps);
  void depart();
  void come_back(Guest& guest);
  void retain(Guest& guest);
  void go_on_departing(Turn& turn);
  void publish(FrameId frame, Turn& turn);

  void take_orders();
  void check_grant(PageId id, FrameId frame);
  void check_reaped(FrameId frame);
  void check();
  void check_page(const Guest& guest, PageId id);
  void check_counts();
  void check_places();
  bool settle_once();

  Choose choose_;
  Shape shape_;
  Room room_;
  std::map<FrameId, Digest> published_;  // what has bytes, and which
  Merger merger_;
  std::vector<Guest> guests_;
  std::map<PageId, Page> pages_;
  std::map<PageId, FrameId> asked_;
  bool lacks_memory_ = false;  // frames get none just now
};

}  // namespace samepage::dedup
