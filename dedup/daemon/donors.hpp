// SPDX-License-Identifier: Apache-2.0
// Donors: of each frame that waits for its bytes, the page that was asked for them. A donor may have changed
// or gone, then another page that waits is asked; it may be silent (its process is stopped, say), then
// another one is asked after a while, and the silent one's bytes come too late. Pure: time is counted in
// rounds.
#pragma once

#include <cstdint>
#include <deque>
#include <utility>
#include <vector>

#include "dedup/daemon/ledger.hpp"
#include "dedup/daemon/orders.hpp"
#include "dedup/daemon/turn.hpp"

namespace samepage::dedup {

class Donors {
 public:
  explicit Donors(Ledger& ledger) : ledger_(ledger) {}
  ~Donors() = default;
  Donors(const Donors&) = delete;
  Donors& operator=(const Donors&) = delete;

  /// `page`, which waits for `frame`, is asked for its bytes from now on.
  void ask(FrameId frame, PageId page);
  /// The bytes of `page` came, and there is no room for them in the store. It is asked once more later.
  void ask_later(FrameId frame, PageId page);
  /// From now on no page is asked for the bytes of a frame of the store.
  void hold() { holding_ = true; }
  /// But this one of those that would have been. False when there is none any more.
  bool ask_one();
  /// All are asked: ask_held() does it. True when all is done.
  void let_go() { holding_ = false; }
  [[nodiscard]] bool ask_held(Turn& turn);
  [[nodiscard]] bool any_to_ask() const { return !holding_ && !held_.empty(); }
  /// The donor of a waiting frame has dropped out: another page is asked where one more could share the
  /// frame. Otherwise the frame is closed.
  void replace(FrameId frame);
  [[nodiscard]] bool is_donor(PageId page, FrameId frame) const {
    return ledger_.records().donor(frame).page == page;
  }

  /// To be called about once a second: pages that have not donated since the call before the last one are
  /// silent.
  void next_round() { ++round_; }
  /// Asks others where donors are silent. True when all is done.
  [[nodiscard]] bool pass_over_silent(Turn& turn);
  /// Whether pass_over_silent() has something to do.
  [[nodiscard]] bool any_silent() const { return !asked_.empty() && is_silent(asked_.front()); }

  /// Pages that were asked since the last call.
  [[nodiscard]] std::vector<PageAndFrame> take_requests() { return std::exchange(requests_, {}); }

 private:
  struct Asked {
    FrameId frame;
    Donor donor;
  };
  [[nodiscard]] bool is_silent(const Asked& asked) const { return round_ - asked.donor.round >= 2; }
  void note(FrameId frame, PageId page);
  bool ask_next();

  Ledger& ledger_;
  std::deque<Asked> asked_;  // in this order; what no longer holds stays until its turn comes
  std::uint32_t round_ = 0;
  std::vector<PageAndFrame> requests_;
  bool holding_ = false;
  std::deque<PageAndFrame> held_;  // would have been asked; what no longer holds stays until its turn comes
};

}  // namespace samepage::dedup
