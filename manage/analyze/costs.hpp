// SPDX-License-Identifier: Apache-2.0
// What Samepage and ksmd would save of the memory that was analyzed, and what that would cost: a model, which
// docs/manual.md explains. All pages count as memory that guests have, also the holes. Pure.
#pragma once

#include <cstdint>

#include "manage/analyze/figures.hpp"

namespace samepage::analyze {

struct Savings {
  std::uint64_t saved_bytes = 0;
  std::uint64_t overhead_bytes = 0;

  [[nodiscard]] std::int64_t net_bytes() const {
    return static_cast<std::int64_t>(saved_bytes) - static_cast<std::int64_t>(overhead_bytes);
  }
};

struct Costs {
  Savings samepage;
  Savings ksmd;
  std::uint64_t mappings = 0;           // of all guests, if there were enough
  std::uint64_t most_mappings = 0;      // of one guest
  std::uint64_t guests_over_limit = 0;  // that would need more than there are
  std::uint64_t unmapped_pages = 0;     // that stay unmerged for that: those in the shortest runs
};

/// `mappings_for_merging`: how many a guest's process may use.
Costs costs_of(const Figures& figures, std::uint64_t mappings_for_merging);

}  // namespace samepage::analyze
