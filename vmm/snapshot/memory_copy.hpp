// SPDX-License-Identifier: Apache-2.0
// Copies a guest's RAM into a file, once while the guest runs and once more, when it is held, what it has
// written meanwhile. Pages without memory and pages of zeros stay holes of the file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/types.hpp"
#include "dedup/agent/memory_region.hpp"
#include "dedup/agent/page_map.hpp"

namespace samepage::vmm {

class MemoryCopy {
 public:
  /// Page i of `regions` goes to `offset` + i pages of `fd`, which has holes there. Both must outlive it.
  MemoryCopy(std::span<const dedup::MemoryRegion> regions, int fd, std::uint64_t offset);

  /// Pages of `map` that have memory somewhere. Throws std::system_error.
  void copy(std::span<const dedup::PageMapRun> map);
  /// Pages of RAM, whatever they hold; once more, if they were copied before. Throws std::system_error.
  void copy(const GfnRange& range);

  /// The pages that are in the file, in ascending order.
  [[nodiscard]] std::vector<PageRange> data() const;
  [[nodiscard]] std::uint64_t copied_pages() const { return copied_; }

 private:
  struct Region {
    dedup::MemoryRegion memory;
    std::uint32_t first = 0;  // page of RAM
  };
  void copy(const Region& region, std::uint32_t first, std::uint32_t end);
  void drop(std::uint32_t first, std::uint32_t end);

  std::vector<Region> regions_;
  int fd_;
  std::uint64_t offset_;
  std::vector<bool> has_data_;
  std::uint64_t copied_ = 0;
};

}  // namespace samepage::vmm
