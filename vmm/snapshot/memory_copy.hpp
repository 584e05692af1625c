// SPDX-License-Identifier: Apache-2.0
// Copies a guest's RAM into a file, once while the guest runs and once more, when it is held, what it has
// written meanwhile. Pages without memory and pages of zeros stay holes of the file.
//
// The file has windows, each with a place for every page of RAM. A copy goes to one window; what is unchanged
// in an earlier one is not copied again.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/types.hpp"
#include "dedup/agent/memory_region.hpp"
#include "dedup/agent/page_map.hpp"
#include "vmm/snapshot/snapshot_pages.hpp"

namespace samepage::vmm {

class MemoryCopy {
 public:
  /// Copies `regions` to `window` of `fd`, which has holes there; the file's first window is at `offset`.
  /// Both must outlive it.
  MemoryCopy(std::span<const dedup::MemoryRegion> regions, int fd, std::uint64_t offset,
             std::uint32_t window);

  /// These pages are as they are in an earlier window, until they are copied.
  void reuse(std::span<const SnapshotRun> runs);
  /// Pages of `map` that have memory somewhere, but for those that are reused. Throws std::system_error.
  void copy(std::span<const dedup::PageMapRun> map);
  /// Pages of RAM, whatever they hold; once more, if they were copied before. Throws std::system_error.
  void copy(const GfnRange& range);

  /// Where the pages are that are in the file, in ascending order; short holes among them.
  [[nodiscard]] std::vector<SnapshotRun> runs() const;
  [[nodiscard]] std::uint64_t copied_pages() const { return copied_; }

 private:
  struct Region {
    dedup::MemoryRegion memory;
    std::uint32_t first = 0;  // page of RAM
  };
  using Place = std::uint32_t;
  static constexpr Place nowhere = ~Place{0};

  /// Calls act(region, first page, end) for what of `range` lies in each region.
  template <typename Act>
  void for_each_part(const GfnRange& range, Act act);
  void copy(const Region& region, std::uint32_t first, std::uint32_t end);
  void drop(std::uint32_t first, std::uint32_t end);
  [[nodiscard]] std::uint64_t offset_of(std::uint32_t page) const;
  /// The end of the pages from `first` on, at most `end`, that have the same place.
  [[nodiscard]] std::uint32_t same_until(std::uint32_t first, std::uint32_t end) const;

  std::vector<Region> regions_;
  int fd_;
  std::uint64_t offset_;
  Place window_;
  std::vector<Place> places_;  // of each page: its window
  std::uint64_t copied_ = 0;
};

}  // namespace samepage::vmm
