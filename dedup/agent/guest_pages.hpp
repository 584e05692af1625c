// SPDX-License-Identifier: Apache-2.0
// A guest's RAM as the agent numbers it: its pages one after the other through all ranges of RAM, and where
// this process has them mapped. What the agent knows of each page is in page_states.hpp. Immutable.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/pagemap.hpp"
#include "base/types.hpp"
#include "dedup/agent/memory_region.hpp"

namespace samepage::dedup {

class GuestPages {
 public:
  struct Region {
    MemoryRegion memory;
    PageRange pages;
    /// The memory of `range`, which lies in this region.
    [[nodiscard]] std::span<std::byte> bytes_of(const PageRange& range) const {
      return {memory.host + PageCount{range.first - pages.first}.bytes(), PageCount{range.count}.bytes()};
    }
  };

  /// Throws UserError when there are more pages than the protocol can number.
  explicit GuestPages(const std::vector<MemoryRegion>& regions);

  [[nodiscard]] std::uint32_t count() const { return count_; }
  [[nodiscard]] PageRange all() const { return {{0}, count_}; }
  [[nodiscard]] const std::vector<Region>& regions() const { return regions_; }
  [[nodiscard]] const Region& region_of(PageIndex page) const;
  /// The memory of a page, and of pages that lie in one region.
  [[nodiscard]] std::byte* host(PageIndex page) const { return bytes_of({page, 1}).data(); }
  [[nodiscard]] std::span<std::byte> bytes_of(const PageRange& range) const {
    return region_of(range.first).bytes_of(range);
  }
  [[nodiscard]] std::optional<PageIndex> page_of(Gfn gfn) const;
  /// The pages of RAM in `range`: a range of each region.
  [[nodiscard]] std::vector<PageRange> pages_in(const GfnRange& range) const;
  /// `ranges` in pieces of at most `most` pages that lie in one region each.
  [[nodiscard]] std::vector<PageRange> pieces_of(std::span<const PageRange> ranges, std::uint32_t most) const;

 private:
  std::vector<Region> regions_;
  std::uint32_t count_ = 0;
};

/// The pages of a run that a look at the page tables from page `start` on has found.
inline PageRange pages_of(const PageRun& run, PageIndex start) {
  return {start + static_cast<std::uint32_t>(run.first), static_cast<std::uint32_t>(run.count)};
}

}  // namespace samepage::dedup
