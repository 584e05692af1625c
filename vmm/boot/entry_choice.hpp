// SPDX-License-Identifier: Apache-2.0
// Which entry of a Linux kernel a guest starts at, where there are several. A plain value.
#pragma once

#include <cstdint>

namespace samepage::vmm {

/// A Linux kernel may have both entries; others have no choice.
enum class EntryChoice : std::uint8_t {
  automatic,   // PVH where there is a note
  linux64,     // the 64-bit entry of the kernel proper
  compressed,  // the 64-bit entry of a bzImage, whose own decompressor runs in the guest
};

}  // namespace samepage::vmm
