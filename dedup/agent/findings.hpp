// SPDX-License-Identifier: Apache-2.0
// What a part of a pass has found: the decisions about each page, and the lists that the daemon must hear in
// this order: used, broken, withdrawn, offers. Pure; one thread.
#pragma once

#include <cstdint>
#include <vector>

#include "dedup/agent/backing.hpp"
#include "dedup/agent/page_states.hpp"
#include "dedup/digest.hpp"
#include "dedup/protocol.hpp"

namespace samepage::dedup {

class Findings {
 public:
  explicit Findings(PageStates& states) : states_(states) {}

  /// A page that is_shared() has memory of the guest's own: it was written.
  void written(PageIndex page);
  /// The page lies in a paging file, and the guest has used it since it went out: the next thing that is told
  /// of it may be that it was written.
  void used(PageIndex page) { wire::append_page(used_, page); }
  /// The page is not what it was in the last pass: an offer of it does not stand.
  void changed(PageIndex page);
  /// The page is quiet and all zero, or looks like it.
  void quiet_zero(PageIndex page);
  /// The page is quiet and has this digest.
  void quiet(PageIndex page, Digest digest);
  /// The page is quiet, and what it was in a file that the guest goes on from: it is the first of `run`,
  /// which has one page.
  void quiet_as_before(const BackedRun& run);
  /// Something else was found that makes the next pass worth while.
  void note_any() { any_ = true; }

  [[nodiscard]] bool any() const { return any_; }
  [[nodiscard]] std::uint64_t breaks() const { return breaks_; }
  [[nodiscard]] std::uint64_t volatile_pages() const { return volatile_pages_; }
  [[nodiscard]] const std::vector<PageRange>& used() const { return used_; }
  [[nodiscard]] const std::vector<PageRange>& broken() const { return broken_; }
  [[nodiscard]] const std::vector<PageRange>& withdrawn() const { return withdrawn_; }
  [[nodiscard]] const std::vector<PageRange>& zero() const { return zero_; }
  [[nodiscard]] const std::vector<BackedRun>& as_before() const { return as_before_; }
  /// In the order of their pages: the daemon numbers frames in the order of the offers, and neighbours are to
  /// have neighbouring ones.
  [[nodiscard]] std::vector<wire::Offer> take_offers();

 private:
  PageStates& states_;
  std::vector<PageRange> used_;
  std::vector<PageRange> broken_;
  std::vector<PageRange> withdrawn_;
  std::vector<PageRange> zero_;
  std::vector<BackedRun> as_before_;
  std::vector<wire::Offer> offers_;
  std::uint64_t breaks_ = 0;
  std::uint64_t volatile_pages_ = 0;
  bool any_ = false;
};

}  // namespace samepage::dedup
