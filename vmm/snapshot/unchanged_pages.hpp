// SPDX-License-Identifier: Apache-2.0
// Which pages of a guest are mapped from a file and were not written since: whoever goes on from the guest
// maps them from there, and nobody copies them.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "dedup/agent/memory_region.hpp"
#include "dedup/agent/page_map.hpp"
#include "vmm/snapshot/snapshot_pages.hpp"

namespace samepage::vmm {

/// The pages that lie in `files`, by what the kernel has mapped, in ascending order; the first of `files` has
/// the number `first_file` in the runs. `map` tells which were not written since. Throws std::system_error.
[[nodiscard]] std::vector<SnapshotRun> unchanged_in(std::span<const MemoryFile> files,
                                                    std::uint32_t first_file,
                                                    std::span<const dedup::MemoryRegion> regions,
                                                    std::span<const dedup::PageMapRun> map);

}  // namespace samepage::vmm
