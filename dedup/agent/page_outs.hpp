// SPDX-License-Identifier: Apache-2.0
// Which of a guest's pages are asked to go out to paging files, and in which order. A page that is asked is
// offered to the daemon like any other; what becomes of it is a donation and a grant like any other, so that
// nothing here can lose a write.
//
// A job goes through ranges of pages, those that were quiet longest first. So many pages are under way at a
// time that the daemon's staging area is never empty, and not more. The agent's thread.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <span>
#include <vector>

#include "base/pagemap.hpp"
#include "base/types.hpp"
#include "dedup/agent/coldness.hpp"
#include "dedup/agent/guest_pages.hpp"
#include "dedup/agent/page_states.hpp"
#include "dedup/digest.hpp"
#include "dedup/frame_numbers.hpp"
#include "dedup/protocol.hpp"

namespace samepage::dedup {

class PageOuts {
 public:
  using Clock = std::chrono::steady_clock;

  /// All must outlive it.
  PageOuts(const GuestPages& pages, PageStates& states, const Pagemap& pagemap)
      : pages_(pages), states_(states), pagemap_(pagemap), coldness_(pages.count()) {}

  [[nodiscard]] Coldness& coldness() { return coldness_; }
  [[nodiscard]] const Coldness& coldness() const { return coldness_; }

  // Paging files.
  /// It is here from now on, or nothing of the guest's is there any more.
  void settled(unsigned file) { leaving_ &= ~(1U << file); }
  void leave(unsigned file) { leaving_ |= 1U << file; }
  /// The daemon whose files they were is lost.
  void daemon_lost() { leaving_ = 0, end(); }
  /// Files that the guest is to take its pages back from.
  [[nodiscard]] std::uint32_t leaving() const { return leaving_; }

  /// What a job may ask to go out.
  enum class Which : std::uint8_t {
    cold,      // what was not written in the last passes, and has not come back lately
    by_order,  // the same, and what was written lately after that
    all,       // whatever it is
  };
  /// A job of up to so many pages; the one that there was ends.
  void begin(std::uint64_t pages, Which which);
  /// The same for these ranges, in their order.
  void begin(std::vector<PageRange> ranges);
  /// Any thread.
  [[nodiscard]] bool active() const { return active_; }
  void end();

  struct Batch {
    std::vector<wire::Offer> offers;
    std::vector<PageRange> zero;       // these look like zero: to be given back, not to go out
    std::vector<PageRange> withdrawn;  // of these, whose offers do not stand any more
  };
  /// The next pages, when there is room for more under way; they stand offered then.
  [[nodiscard]] Batch next(const DigestSecret& secret, Clock::time_point now);
  /// So many pages were granted a frame, and so many of these have it now.
  void answered(std::uint64_t granted, std::uint64_t kept, Clock::time_point now);
  /// A look has found that these were written: what was asked of them is void.
  void withdrawn(std::span<const PageRange> pages);

  /// All of the guest was asked to go out, and it goes on: what it had used last is to come back first.
  void begin_return();
  [[nodiscard]] bool returning() const { return !returning_.empty(); }
  /// The next up to `pages` of them.
  [[nodiscard]] std::vector<PageRange> next_to_return(std::uint32_t pages);
  void end_return() { returning_.clear(); }

  /// Pages that the last job was to have go out and did not find.
  [[nodiscard]] std::uint64_t left() const { return left_; }
  /// Pages that have left memory by the present job, or the last one. Any thread.
  [[nodiscard]] std::uint64_t went() const { return went_; }

 private:
  // More than are in the staging area at a time, so that the daemon never waits.
  static constexpr std::uint64_t most_under_way = 512;
  static constexpr std::uint64_t batch_pages = 256;
  // After so long nobody answers any more: the paging files are full, say.
  static constexpr std::chrono::milliseconds patience{1000};
  // What was written while it was asked is asked again, so often.
  static constexpr unsigned rounds = 3;
  // Passes that a range was quiet, at least.
  static constexpr std::uint32_t quiet_passes = 2;

  void take(PageIndex page, const DigestSecret& secret, Batch& batch);
  [[nodiscard]] bool begin_next_round();

  const GuestPages& pages_;
  PageStates& states_;
  const Pagemap& pagemap_;
  Coldness coldness_;
  std::uint32_t leaving_ = 0;
  std::deque<PageRange> returning_;

  std::atomic<bool> active_ = false;
  std::deque<PageRange> ranges_;
  std::vector<PageRange> asked_;  // in this round
  unsigned round_ = 0;
  std::uint64_t left_ = 0;       // pages that are still to go
  std::uint64_t under_way_ = 0;  // asked, and not answered
  bool stalled_ = false;
  Clock::time_point progress_;
  std::atomic<std::uint64_t> went_ = 0;
};

}  // namespace samepage::dedup
