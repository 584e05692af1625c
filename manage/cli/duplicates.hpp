// SPDX-License-Identifier: Apache-2.0
// How many pages could be shared, counted the plain way: every page's bytes against every other's, through
// sorting. No digest is involved, so this is what the engine's work is measured against. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace samepage::cli {

struct DuplicateCount {
  std::uint64_t zero_pages = 0;
  std::uint64_t nonzero_pages = 0;
  std::uint64_t distinct_nonzero = 0;  // different contents among the non-zero pages

  /// Pages that need no memory of their own: all zero pages, and of each other content all but one.
  [[nodiscard]] std::uint64_t all() const { return nonzero_pages - distinct_nonzero + zero_pages; }
};

/// Counts over pages of page_size bytes each, in any order; the memory must not change meanwhile.
DuplicateCount count_duplicates(std::vector<const std::byte*> pages);

}  // namespace samepage::cli
