// SPDX-License-Identifier: Apache-2.0
#include "vmm/boot/multiboot.hpp"

#include <algorithm>
#include <array>
#include <cstring>

namespace samepage::vmm::multiboot {
namespace {

constexpr std::uint32_t header_magic = 0x1bad'b002;
constexpr std::size_t search_bytes = 8192;
// What a loader must do: modules on page boundaries (always so here) and a memory map (always given). The
// upper half holds what it may ignore; an ELF file's own headers say what the address fields would.
constexpr std::uint32_t must_understand = 0xffff;
constexpr std::uint32_t understood = 0x3;

}  // namespace

std::optional<std::uint32_t> header_flags(std::span<const std::byte> file) {
  std::array<std::uint32_t, 3> words{};  // magic, flags, checksum
  const std::size_t end = std::min(file.size(), search_bytes);
  for (std::size_t at = 0; at + sizeof(words) <= end; at += 4) {
    std::memcpy(words.data(), file.data() + at, sizeof(words));
    if (words[0] == header_magic && words[0] + words[1] + words[2] == 0) return words[1];
  }
  return std::nullopt;
}

bool can_satisfy(std::uint32_t flags) {
  return (flags & must_understand & ~understood) == 0;
}

}  // namespace samepage::vmm::multiboot
