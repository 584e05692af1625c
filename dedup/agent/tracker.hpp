// SPDX-License-Identifier: Apache-2.0
// Which pages a pass has to look at. Two ways: the kernel says which pages were written (write_tracker), or
// every page is hashed in every pass, as ksmd does (rehash_tracker). Which one is used is decided when an
// agent starts. The agent's thread calls it.
//
// A look has two steps. find_written() only asks; between the two steps the caller may drop pages, which then
// need not be protected against the next write. take() begins the next interval.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "base/pagemap.hpp"
#include "dedup/agent/guest_pages.hpp"
#include "dedup/agent/page_states.hpp"
#include "dedup/digest.hpp"

namespace samepage::dedup {

class Tracker {
 public:
  /// The first step of a look at pages of one region. All ranges are in ascending order.
  struct Look {
    std::vector<PageRange> due;        // what the second step looks at
    std::vector<PageRange> untracked;  // beside that: due too, but the kernel tells no writes there
    std::vector<PageRange> written;    // parts of `due` that hold all pages which were written
  };
  /// What there is to know of them.
  struct Changes {
    /// Pages with memory of the guest's own, swapped out or not; with write tracking only those that were
    /// written since the last look.
    std::vector<PageRange> own;
    /// Pages that are worth hashing, and in memory. They may be merged, or without memory by now.
    std::vector<PageRange> candidates;
  };
  /// How the tracker knows that a page has changed.
  enum class Evidence : std::uint8_t {
    writes,   // a page among `own` was written; a candidate was not
    digests,  // quiet() tells
  };

  virtual ~Tracker() = default;
  [[nodiscard]] virtual Evidence evidence() const = 0;
  /// Looks at `range`, which lies in one region, as far as it is due in this pass: once a pass, because
  /// asking counts. Without write tracking nothing is known to be written.
  [[nodiscard]] virtual Look find_written(const PageRange& range) = 0;
  /// The second step: what was written from now on is found by the next look.
  [[nodiscard]] virtual Changes take(const Look& look) = 0;
  /// The next look at each range is made, even where looking was not worth it lately.
  virtual void look_everywhere() = 0;
  /// Notes a candidate's digest. True when the page has not changed for a whole interval.
  virtual bool quiet(PageIndex page, Digest digest) = 0;
  /// The page is to be looked at as if it had just been written.
  virtual void forget(PageIndex page) = 0;
  /// The page has no memory any more: nothing to look at until it is written.
  virtual void dropped(PageIndex page) = 0;
  /// Every page is to be looked at like that.
  virtual void forget_all() = 0;
  /// Mappings of guest memory were replaced since the last look.
  virtual void mappings_replaced() = 0;
  /// The same, and this one is to be tracked now. One that the kernel refuses to track is looked at otherwise
  /// (see WriteTracker): nothing of it is offered, and no write to a shared page is missed.
  virtual void track(std::span<const std::byte> mapping) noexcept = 0;
  /// Begins to watch `range`, which lies in one region: written_since_watch() tells what was written from
  /// here on. Calls `own` with pages that have memory of the guest's own and were written since the last
  /// look: that look will not find them any more. False where writes can't be told; some may have been
  /// visited then.
  [[nodiscard]] virtual bool watch(const PageRange& range, const std::function<void(PageRange)>& own) = 0;
  /// Calls `visit` with the pages of `range` that have memory of the guest's own and may have been written
  /// since the last look or watch(). Changes nothing. False where that can't be told.
  [[nodiscard]] virtual bool written_since(const PageRange& range,
                                           const std::function<void(PageRange)>& visit) const = 0;
  /// The memory that holds what the tracker knows: page-aligned, committed where it is used.
  [[nodiscard]] virtual std::span<const std::byte> metadata() const = 0;
};

enum class TrackerKind : std::uint8_t { best, rehash };

/// The best tracker that the kernel can do for these pages, or the one that works everywhere. `pages`,
/// `states` and `pagemap` must outlive it.
std::unique_ptr<Tracker> make_tracker(TrackerKind kind, const GuestPages& pages, const PageStates& states,
                                      const Pagemap& pagemap);

/// The tracker's name in `samepage stat`.
std::string_view name_of(Tracker::Evidence evidence);

}  // namespace samepage::dedup
