// SPDX-License-Identifier: Apache-2.0
// Copies a guest's RAM into a file, once while the guest runs and once more, when it is held, what it has
// written meanwhile. Pages without memory and pages of zeros stay holes of the file.
//
// The file has windows, each with a place for every page of RAM. A copy goes to one window; what is unchanged
// in an earlier one, or in another file, is not copied again.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/types.hpp"
#include "dedup/agent/memory_region.hpp"
#include "dedup/agent/page_map.hpp"
#include "vmm/snapshot/snapshot_memory.hpp"
#include "vmm/snapshot/snapshot_pages.hpp"

namespace samepage::vmm {

class MemoryCopy {
 public:
  /// Copies `regions` to `window` of `to`, which has holes there, and has the number `file` in runs. Both
  /// must outlive it.
  MemoryCopy(std::span<const dedup::MemoryRegion> regions, MemoryFile to, std::uint32_t window,
             std::uint32_t file = 0);

  /// These pages are as they are there, until they are copied.
  void reuse(std::span<const SnapshotRun> runs);
  /// The same for those pages of `map` that have memory and are, byte by byte, what they are in `base`.
  /// Throws std::system_error, UserError.
  void reuse_equal(std::span<const dedup::PageMapRun> map, const SnapshotMemory& base);
  /// Pages of `map` that have memory somewhere, but for those that are reused. Throws std::system_error.
  void copy(std::span<const dedup::PageMapRun> map);
  /// Pages of RAM, whatever they hold; once more, if they were copied before. Throws std::system_error.
  void copy(const GfnRange& range);

  /// Copies short runs of pages that are in `base` to the file too, until there are not too many runs: a
  /// mapping costs more than some pages. Throws std::system_error, UserError.
  void gather(const SnapshotMemory& base);

  /// Where the pages are that are in a file, in ascending order; short holes among them.
  [[nodiscard]] std::vector<SnapshotRun> runs() const;
  [[nodiscard]] std::uint64_t copied_pages() const { return copied_; }

 private:
  struct Region {
    dedup::MemoryRegion memory;
    std::uint32_t first = 0;  // page of RAM
  };
  // Small: there is one for each page.
  struct Place {
    std::uint16_t window = 0, file = 0;
    friend bool operator==(const Place&, const Place&) = default;
  };
  static constexpr Place nowhere{0xffff, 0xffff};
  static_assert(most_windows <= nowhere.window && most_other_files < nowhere.file);
  static Place place_of(std::uint32_t window, std::uint32_t file) {
    return {static_cast<std::uint16_t>(window), static_cast<std::uint16_t>(file)};
  }

  /// Calls act(region, first page, end) for what of `range` lies in each region.
  template <typename Act>
  void for_each_part(const GfnRange& range, Act act);
  void copy(const Region& region, std::uint32_t first, std::uint32_t end);
  void copy_part(const Region& region, std::uint32_t first, std::uint32_t end);
  void drop(std::uint32_t first, std::uint32_t end);
  [[nodiscard]] std::uint64_t offset_of(std::uint32_t page) const;
  [[nodiscard]] std::vector<SnapshotRun> places() const;
  /// The end of the pages from `first` on, at most `end`, that have the same place.
  [[nodiscard]] std::uint32_t same_until(std::uint32_t first, std::uint32_t end) const;

  std::vector<Region> regions_;
  MemoryFile to_;
  Place own_;                  // where copies go
  std::vector<Place> places_;  // of each page
  std::uint64_t copied_ = 0;
};

}  // namespace samepage::vmm
