// SPDX-License-Identifier: Apache-2.0
// Unpacks the compressed kernel of a bzImage: gzip, xz, LZ4 (legacy frames) and zstd, which the payload's
// first bytes tell apart. Pure but for the memory that it reserves: any bytes at all are safe to give it.
// What comes out is bounded before anything is unpacked.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <variant>

#include "base/mapping.hpp"

namespace samepage::vmm {

/// More than ten times what a distribution's kernel has.
inline constexpr std::uint64_t max_unpacked_bytes = std::uint64_t{1} << 29U;

enum class Compression : std::uint8_t { gzip, xz, lz4, zstd, other };
Compression compression_of(std::span<const std::byte> payload);

struct Unpacked {
  Mapping memory;
  std::uint64_t bytes = 0;

  [[nodiscard]] std::span<const std::byte> content() const { return memory.bytes().first(bytes); }
};

enum class UnpackFault : std::uint8_t {
  unknown_compression,  // bzip2, lzma, lzo or none: the kernel can still unpack itself
  too_large,            // says that it unpacks to more than max_unpacked_bytes
  damaged,              // ends early, has a wrong checksum, or unpacks to another size than it says
};

/// The end of a sentence that starts "cannot boot FILE: ", with the way out.
std::string_view describe(UnpackFault fault);

/// `payload` ends with the size that it unpacks to, 32 bits, as Linux' build leaves it.
std::variant<Unpacked, UnpackFault> unpack(std::span<const std::byte> payload);

}  // namespace samepage::vmm
