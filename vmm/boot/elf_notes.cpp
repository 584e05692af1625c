// SPDX-License-Identifier: Apache-2.0
#include "vmm/boot/elf_notes.hpp"

#include <elf.h>

#include <algorithm>
#include <cstring>
#include <string_view>

#include "base/byte_reader.hpp"
#include "guest/abi.hpp"

namespace samepage::vmm {
namespace {

constexpr std::string_view xen{"Xen\0", 4};
constexpr std::string_view linux_name{"Linux\0", 6};
constexpr std::uint32_t xen_guest_os = 6;

constexpr std::uint64_t round_up(std::uint64_t value, std::uint64_t alignment) {
  return (value + alignment - 1) / alignment * alignment;
}

bool equal(std::span<const std::byte> bytes, std::string_view text) {
  return bytes.size() == text.size() && std::memcmp(bytes.data(), text.data(), text.size()) == 0;
}

struct Note {
  std::uint32_t type = 0;
  std::span<const std::byte> name;
  std::span<const std::byte> description;
};

/// Takes the first note off `notes`; NoteFault::none when there is no more.
std::variant<Note, NoteFault> take_note(std::span<const std::byte>& notes, std::uint64_t alignment) {
  const std::uint64_t unit = alignment == 8 ? 8 : 4;  // anything else is written as 4 and means it
  if (notes.empty()) return NoteFault::none;
  if (notes.size() < sizeof(Elf64_Nhdr)) return NoteFault::truncated;
  const auto header = read_value<Elf64_Nhdr>(notes);
  // The sizes are 32 bits each: no sum of them overflows 64.
  const std::uint64_t description = round_up(sizeof(header) + std::uint64_t{header.n_namesz}, unit);
  const std::uint64_t end = description + header.n_descsz;
  if (end > notes.size()) return NoteFault::truncated;
  const Note note{header.n_type, notes.subspan(sizeof(header), header.n_namesz),
                  notes.subspan(description, header.n_descsz)};
  notes = notes.subspan(std::min<std::uint64_t>(round_up(end, unit), notes.size()));
  return note;
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
  while (true) {
    const auto taken = take_note(notes, alignment);
    if (const auto* fault = std::get_if<NoteFault>(&taken)) return *fault;
    const Note& note = std::get<Note>(taken);
    if (note.type == abi::pvh_note_type && equal(note.name, xen)) return entry_in(note.description);
  }
}

bool are_of_linux(std::span<const std::byte> notes, std::uint64_t alignment) {
  while (true) {
    const auto taken = take_note(notes, alignment);
    const Note* note = std::get_if<Note>(&taken);
    if (note == nullptr) return false;
    if (equal(note->name, linux_name)) return true;
    if (note->type == xen_guest_os && equal(note->name, xen) && equal(note->description, {"linux\0", 6}))
      return true;
  }
}

}  // namespace samepage::vmm
