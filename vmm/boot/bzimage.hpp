// SPDX-License-Identifier: Apache-2.0
// The header of a bzImage: where the compressed kernel lies in it, and what its 64-bit entry needs.
// Pure: any bytes at all are safe to give it. Documentation/arch/x86/boot.rst.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <variant>

#include "base/types.hpp"
#include "vmm/boot/image.hpp"

namespace samepage::vmm {

/// A part of the file.
struct FilePart {
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;
};

/// Both parts lie in the file.
struct BzImage {
  FilePart setup_header;    // from 0x1f1 on: what a loader copies into the boot parameters
  FilePart protected_mode;  // decompressor and payload: what is loaded when the payload is not unpacked here
  FilePart payload;         // the compressed ELF; 0 bytes when the header does not tell
  Gpa preferred;            // where the protected-mode part likes to be
  std::uint64_t init_bytes =
      0;  // memory that the kernel needs from there on before it looks at its memory map
};

enum class BzImageFault : std::uint8_t { not_bzimage, truncated, too_old, not_64_bit, payload_outside };

/// The end of a sentence that starts "cannot boot FILE: ", with the way out.
std::string_view describe(BzImageFault fault);

/// True when the file says that it is a bzImage, whatever else is wrong with it.
bool is_bzimage(std::span<const std::byte> file);
std::variant<BzImage, BzImageFault> parse_bzimage(std::span<const std::byte> file);

/// The kernel with its own decompressor, entered by the 64-bit protocol.
std::variant<Image, ImageFault> self_unpacking_image(const BzImage& header);

}  // namespace samepage::vmm
