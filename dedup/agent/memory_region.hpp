// SPDX-License-Identifier: Apache-2.0
// The memory that an agent looks after: guest pages by number, and where this process has them mapped.
#pragma once

#include <cstddef>
#include <span>

#include "base/types.hpp"

namespace samepage::dedup {

/// One range of a guest's RAM. The memory is private and anonymous, page-aligned, and outlives the agent;
/// the agent replaces single pages of it by mapping others over them.
struct MemoryRegion {
  Gfn first;
  PageCount pages;
  std::byte* host = nullptr;

  [[nodiscard]] std::span<std::byte> bytes() const { return {host, pages.bytes()}; }
};

/// All pages of a guest's RAM.
inline PageCount pages_of(std::span<const MemoryRegion> ram) {
  PageCount pages;
  for (const MemoryRegion& region : ram) pages += region.pages;
  return pages;
}

}  // namespace samepage::dedup
