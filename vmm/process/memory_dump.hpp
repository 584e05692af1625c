// SPDX-License-Identifier: Apache-2.0
// A guest's RAM as a file: every page at its guest physical address, pages without memory are holes.
#pragma once

#include <cstdint>
#include <span>

#include "dedup/agent/memory_region.hpp"
#include "dedup/agent/page_map.hpp"

namespace samepage::vmm {

/// Makes the regular file `fd` the image of `regions`, whose page map is `map`: pages that have memory
/// somewhere (own, swapped out, a frame) are written, all others left as holes, the file ends where the RAM
/// does. Returns the bytes written. The guest must be paused. Throws std::system_error.
std::uint64_t dump_memory(int fd, std::span<const dedup::MemoryRegion> regions,
                          std::span<const dedup::PageMapRun> map);

}  // namespace samepage::vmm
