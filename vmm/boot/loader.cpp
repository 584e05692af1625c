// SPDX-License-Identifier: Apache-2.0
#include "vmm/boot/loader.hpp"

#include "base/check.hpp"

namespace samepage::vmm {

void load_segments(const Image& image, std::span<const std::byte> file, const GuestMemory& memory) {
  for (const Segment& segment : image.segments) {
    const bool loaded = memory.write(segment.address, file.subspan(segment.file_offset, segment.file_bytes));
    invariant(loaded, "a checked segment is outside RAM");
  }
}

}  // namespace samepage::vmm
