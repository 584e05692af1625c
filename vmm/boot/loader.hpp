// SPDX-License-Identifier: Apache-2.0
// Puts an image into guest memory, before any vCPU runs. Only pages that get
// bytes are touched: RAM starts as zeros, so a segment's bss is there already.
#pragma once

#include <cstddef>
#include <span>

#include "vmm/boot/image.hpp"
#include "vmm/memory/guest_memory.hpp"

namespace samepage::vmm {

/// Copies the segments of `image`, which was parsed from `file` and fits into `memory`.
void load_segments(const Image& image, std::span<const std::byte> file, const GuestMemory& memory);

}  // namespace samepage::vmm
