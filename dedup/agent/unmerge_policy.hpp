// SPDX-License-Identifier: Apache-2.0
// Which pages are better off with memory of their own than in a mapping of a frame store. Pure.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "dedup/agent/guest_mappings.hpp"
#include "dedup/agent/page_states.hpp"

namespace samepage::dedup {

struct UnmergeReasons {
  bool mappings_scarce = false;
  /// The daemon has had the time to merge what it could of stores that others left behind.
  bool settled = false;
  std::uint64_t current_store = 0;  // its inode
};

/// Runs to be unmerged. A run that is mostly broken costs what it did when it saved memory: that is of no
/// importance until mappings become scarce; then runs that save next to nothing make room for others. One of
/// a lost daemon's store keeps all of that store in memory, for whatever it is that is mapped from it.
[[nodiscard]] std::vector<PageRange> not_worth_a_mapping(std::span<const StoreMapping> mappings,
                                                         const PageStates& states,
                                                         const UnmergeReasons& reasons);

}  // namespace samepage::dedup
