// SPDX-License-Identifier: Apache-2.0
// How many mappings (vm.max_map_count) merging may use in the process of one guest.
#pragma once

#include <algorithm>
#include <cstdint>

#include "base/process_memory.hpp"

namespace samepage::dedup {

/// Some of the process's mappings are left for everything else.
inline std::uint64_t mappings_for_merging() {
  const std::uint64_t all = max_map_count();
  return all - std::min<std::uint64_t>(1024, all / 4);
}

}  // namespace samepage::dedup
