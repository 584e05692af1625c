// SPDX-License-Identifier: Apache-2.0
// A guest's RAM, and the only way from a guest physical address to a host pointer. Reserved when made,
// committed page by page on first touch. Others (the merging agent) may map pages of it anew, so nobody may
// keep a pointer into it across the write barrier.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/mapping.hpp"
#include "base/types.hpp"
#include "dedup/agent/memory_region.hpp"

namespace samepage::vmm {

class GuestMemory {
 public:
  /// `bytes` (a multiple of the page size, not 0) of RAM below the hole and, what does not fit, above it.
  explicit GuestMemory(std::uint64_t bytes);

  /// The ranges of RAM in order of address.
  [[nodiscard]] const std::vector<dedup::MemoryRegion>& regions() const { return regions_; }

  /// The bytes [address, address + size); empty when not all of them are RAM of one range.
  [[nodiscard]] std::optional<std::span<std::byte>> at(Gpa address, std::uint64_t size) const;
  /// Copies `bytes` to `address`. False, and nothing is copied, when they don't fit.
  [[nodiscard]] bool write(Gpa address, std::span<const std::byte> bytes) const;

 private:
  Mapping mapping_;
  std::vector<dedup::MemoryRegion> regions_;
};

/// The ranges of RAM that `bytes` make, without the memory behind them.
std::vector<GfnRange> ram_ranges(std::uint64_t bytes);

}  // namespace samepage::vmm
