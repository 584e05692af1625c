// SPDX-License-Identifier: Apache-2.0
// Hand-made kernel files: a payload packed as Linux' build packs it, and a bzImage around it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "vmm/boot/unpack.hpp"

namespace samepage::vmm::test {

/// `content` compressed, and its size behind it.
std::vector<std::byte> packed(Compression compression, std::span<const std::byte> content);
/// The same with another size behind it.
std::vector<std::byte> with_size(std::vector<std::byte> payload, std::uint32_t size);

/// A bzImage of protocol 2.15 with one setup sector and 0x400 bytes of decompressor before the payload.
std::vector<std::byte> bzimage(std::span<const std::byte> payload);

template <typename Value>
void poke(std::vector<std::byte>& file, std::size_t offset, Value value) {
  const auto bytes = std::as_bytes(std::span(&value, 1));
  for (std::size_t i = 0; i < bytes.size(); ++i) file.at(offset + i) = bytes[i];
}

}  // namespace samepage::vmm::test
