// SPDX-License-Identifier: Apache-2.0
// Puts an image into guest memory, before any vCPU runs. Only pages that get
// bytes are touched: RAM starts as zeros, so a segment's bss is there already.
#pragma once

#include <cstddef>
#include <span>

#include "base/types.hpp"
#include "dedup/agent/image_placer.hpp"
#include "vmm/boot/image.hpp"
#include "vmm/memory/guest_memory.hpp"

namespace samepage::vmm {

/// Puts the segments of `image`, which was parsed from `file` and fits into `memory`, where they belong:
/// whole pages through `placer`, if there is one, and the rest by copying.
void load_segments(const Image& image, std::span<const std::byte> file, const GuestMemory& memory,
                   dedup::ImagePlacer* placer = nullptr);

}  // namespace samepage::vmm
