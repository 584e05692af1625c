// SPDX-License-Identifier: Apache-2.0
#include "vmm/boot/elf_notes.hpp"

#include <elf.h>

#include <array>
#include <cstring>

#include "guest/abi.hpp"

namespace samepage::vmm {
namespace {

constexpr std::array xen{'X', 'e', 'n', '\0'};

constexpr std::uint64_t round_up(std::uint64_t value, std::uint64_t alignment) {
  return (value + alignment - 1) / alignment * alignment;
}

bool is_pvh(const Elf64_Nhdr& header, std::span<const std::byte> name) {
  return header.n_type == abi::pvh_note_type && name.size() == xen.size() &&
         std::memcmp(name.data(), xen.data(), xen.size()) == 0;
}

// The address is 4 bytes as Xen has it, 8 in some images.
std::variant<Gpa, NoteFault> entry_in(std::span<const std::byte> description) {
  if (description.size() != 4 && description.size() != 8) return NoteFault::bad_entry;
  std::uint64_t entry = 0;
  std::memcpy(&entry, description.data(), description.size());
  return Gpa{entry};
}

}  // namespace

std::variant<Gpa, NoteFault> find_pvh_entry(std::span<const std::byte> notes, std::uint64_t alignment) {
  const std::uint64_t unit = alignment == 8 ? 8 : 4;  // anything else is written as 4 and means it
  std::uint64_t at = 0;
  while (at < notes.size()) {
    Elf64_Nhdr header{};
    const auto rest = notes.subspan(at);
    if (rest.size() < sizeof(header)) return NoteFault::truncated;
    std::memcpy(&header, rest.data(), sizeof(header));
    // The sizes are 32 bits each: no sum of them overflows 64.
    const std::uint64_t description = round_up(sizeof(header) + std::uint64_t{header.n_namesz}, unit);
    const std::uint64_t end = description + header.n_descsz;
    if (end > rest.size()) return NoteFault::truncated;
    if (is_pvh(header, rest.subspan(sizeof(header), header.n_namesz))) {
      return entry_in(rest.subspan(description, header.n_descsz));
    }
    at += round_up(end, unit);
  }
  return NoteFault::none;
}

}  // namespace samepage::vmm
