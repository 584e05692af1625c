// SPDX-License-Identifier: Apache-2.0
// How a guest's memory goes out to paging files and comes back: asks for what goes out (page_outs.hpp), tells
// which frames are cold (cold_frames.hpp), leaves paging files that are to go, and has pages read before a
// guest goes on. The agent's thread.
#pragma once

#include <cstdint>
#include <optional>

#include "base/pagemap.hpp"
#include "dedup/agent/bulk_remapper.hpp"
#include "dedup/agent/cold_frames.hpp"
#include "dedup/agent/daemon_peer.hpp"
#include "dedup/agent/guest_pages.hpp"
#include "dedup/agent/page_outs.hpp"
#include "dedup/agent/page_states.hpp"

namespace samepage::dedup {

class GuestPaging {
 public:
  using Clock = PageOuts::Clock;

  /// What it works on. All must outlive it.
  struct Guest {
    const GuestPages& pages;
    const PageStates& states;
    const Pagemap& pagemap;
    BulkRemapper& remapper;
    PageOuts& page_outs;
    DaemonPeer& daemon;
  };
  explicit GuestPaging(Guest guest)
      : guest_(guest), cold_frames_(guest.pages, guest.states, guest.pagemap, guest.page_outs.coldness()) {}

  /// A daemon was joined.
  void joined() { cold_frames_.joined(Clock::now()); }
  /// Whether there is a paging file that pages may go out to.
  [[nodiscard]] bool can_page_out() const;
  /// Asks for up to so many pages to go out. Nothing happens where none can.
  void begin(std::uint64_t pages, PageOuts::Which which);
  /// Does what is next of that, and of leaving paging files that are to go. Call after the daemon's messages
  /// were handled, and now and then.
  void go_on();
  /// When that is worth a call; empty: not before something else happens.
  [[nodiscard]] std::optional<Clock::time_point> due() const;

  /// Frames of the store that the guest does not use are to go out, when nobody else uses them either; or
  /// that is not needed any more.
  void want_frames_out();
  void want_no_frames_out() { cold_frames_.not_wanted(Clock::now()); }
  /// The guest stands still until begin_return().
  void stand_still() { cold_frames_.stands_still(); }

  /// The guest is about to go on after all of it went out: what it used last is to come back first.
  void begin_return();
  /// Has the kernel read up to so many more pages of it. Does not wait for the disk.
  void bring_back(std::uint32_t pages);
  void end_return() { guest_.page_outs.end_return(); }

 private:
  void drop_resident();
  void take_back(unsigned file);
  void go_on_with_frames();

  Guest guest_;
  ColdFrames cold_frames_;
  std::optional<PageOuts::Which> frames_next_;  // when the job is over
};

}  // namespace samepage::dedup
