// SPDX-License-Identifier: Apache-2.0
// Which pages a pass has to look at. Two ways: the kernel says which pages were written (write_tracker), or
// every page is hashed in every pass, as ksmd does (rehash_tracker). Which one is used is decided when an
// agent starts. The agent's thread calls it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "base/pagemap.hpp"
#include "dedup/agent/guest_pages.hpp"
#include "dedup/digest.hpp"
#include "dedup/protocol.hpp"

namespace samepage::dedup {

class Tracker {
 public:
  /// What there is to know of a part of a region. Pages are ordinals in the guest's RAM.
  struct Changes {
    /// Populated pages; with write tracking only those that were written since the last look.
    std::vector<PageRun> populated;
    /// Pages that are worth hashing. They may be merged, or not populated any more.
    std::vector<wire::PageRange> candidates;
  };
  /// How the tracker knows that a page has changed.
  enum class Evidence : std::uint8_t {
    writes,   // a page among `populated` was written; a candidate was not
    digests,  // quiet() tells
  };

  virtual ~Tracker() = default;
  [[nodiscard]] virtual Evidence evidence() const = 0;
  /// Is shown ranges that hold pages which were written, before anything is done to find the next write to
  /// them: pages that lose their memory now need nothing of the kind.
  using Sweep = std::function<void(std::span<const wire::PageRange>)>;
  /// Looks at pages [first, first + count), which lie in `region`. Where looking costs nothing but reading,
  /// `sweep` is not called.
  virtual Changes look(const GuestPages::Region& region, std::uint32_t first, std::uint32_t count,
                       const Sweep& sweep) = 0;
  /// The next look at each range is made, even where looking was not worth it lately.
  virtual void look_everywhere() = 0;
  /// Notes a candidate's digest. True when the page has not changed for a whole interval.
  virtual bool quiet(std::uint32_t page, Digest digest) = 0;
  /// The page is to be looked at as if it had just been written.
  virtual void forget(std::uint32_t page) = 0;
  /// The page has no memory any more: nothing to look at until it is written.
  virtual void dropped(std::uint32_t page) = 0;
  /// Every page is to be looked at like that.
  virtual void forget_all() = 0;
  /// Mappings of guest memory were replaced since the last look.
  virtual void mappings_replaced() = 0;
  /// The same, and this one is to be tracked now. One that the kernel refuses to track is looked at otherwise
  /// (see WriteTracker): nothing of it is offered, and no write to a shared page is missed.
  virtual void track(std::span<const std::byte> mapping) noexcept = 0;
  /// The memory that holds what the tracker knows: page-aligned, committed where it is used.
  [[nodiscard]] virtual std::span<const std::byte> books() const = 0;
};

enum class TrackerKind : std::uint8_t { best, rehash };

/// The best tracker that the kernel can do for these pages, or the one that works everywhere. `pages` and
/// `pagemap` must outlive it.
std::unique_ptr<Tracker> make_tracker(TrackerKind kind, const GuestPages& pages, const Pagemap& pagemap);

/// The tracker's name in `samepage stat`.
std::string_view name_of(Tracker::Evidence evidence);

}  // namespace samepage::dedup
