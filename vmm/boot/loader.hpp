// SPDX-License-Identifier: Apache-2.0
// Puts an image and what its entry expects into guest memory, before any vCPU runs. Only pages that get
// bytes are touched: RAM starts as zeros, so a segment's bss is there already.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "base/types.hpp"
#include "guest/abi.hpp"
#include "vmm/boot/image.hpp"
#include "vmm/memory/guest_memory.hpp"

namespace samepage::vmm {

/// Copies the segments of `image`, which was parsed from `file` and fits into `memory`.
void load_segments(const Image& image, std::span<const std::byte> file, const GuestMemory& memory);

/// What the guest is told of its address space: its RAM, and its ROMs as reserved.
std::vector<abi::PvhMemoryRange> memory_map(std::span<const dedup::MemoryRegion> ram,
                                            std::span<const GfnRange> roms);

/// Writes the boot page: start info, memory map and command line.
void write_boot_page(const GuestMemory& memory, std::span<const GfnRange> roms,
                     const std::string& command_line);

}  // namespace samepage::vmm
