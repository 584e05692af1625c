// SPDX-License-Identifier: Apache-2.0
#include "tests/manage/analyze/core_file.hpp"

#include <elf.h>

#include <algorithm>
#include <cstring>

#include "base/types.hpp"

namespace samepage::analyze::test {
namespace {

template <typename Value>
void append(std::vector<std::byte>& to, const Value& value) {
  const std::size_t at = to.size();
  to.resize(at + sizeof(value));
  std::memcpy(to.data() + at, &value, sizeof(value));
}

template <typename Header, typename Segment, typename Section>
std::vector<std::byte> make_core(const std::vector<CoreSegment>& segments, const CoreShape& shape) {
  Header header{};
  std::memcpy(header.e_ident, ELFMAG, SELFMAG);
  header.e_ident[EI_CLASS] = shape.is_64_bit ? ELFCLASS64 : ELFCLASS32;
  header.e_ident[EI_DATA] = ELFDATA2LSB;
  header.e_type = ET_CORE;
  header.e_phoff = sizeof(Header);
  header.e_phentsize = sizeof(Segment);
  const std::size_t count = segments.size() + 1;
  const std::size_t sections_at = sizeof(Header) + count * sizeof(Segment);
  header.e_phnum = shape.many ? PN_XNUM : static_cast<decltype(header.e_phnum)>(count);
  if (shape.many) {
    header.e_shoff = static_cast<decltype(header.e_shoff)>(sections_at);
    header.e_shentsize = sizeof(Section);
    header.e_shnum = 1;
  }
  std::vector<std::byte> file;
  append(file, header);
  std::size_t offset = sections_at + (shape.many ? sizeof(Section) : 0);
  Segment note{};
  note.p_type = PT_NOTE;
  note.p_offset = static_cast<decltype(note.p_offset)>(offset);
  note.p_filesz = static_cast<decltype(note.p_filesz)>(shape.note_bytes);
  append(file, note);
  offset += shape.note_bytes;
  for (const CoreSegment& one : segments) {
    Segment segment{};
    segment.p_type = PT_LOAD;
    segment.p_offset = static_cast<decltype(segment.p_offset)>(offset);
    segment.p_paddr = static_cast<decltype(segment.p_paddr)>(one.physical);
    segment.p_vaddr = static_cast<decltype(segment.p_vaddr)>(one.virtual_address);
    segment.p_filesz = static_cast<decltype(segment.p_filesz)>(one.bytes.size());
    segment.p_memsz = std::max(segment.p_filesz, static_cast<decltype(segment.p_memsz)>(one.memory_bytes));
    append(file, segment);
    offset += one.bytes.size();
  }
  if (shape.many) {
    Section section{};
    section.sh_info = static_cast<decltype(section.sh_info)>(count);
    append(file, section);
  }
  file.resize(file.size() + shape.note_bytes, std::byte{'n'});
  for (const CoreSegment& one : segments) file.insert(file.end(), one.bytes.begin(), one.bytes.end());
  return file;
}

}  // namespace

std::vector<std::byte> core_file(const std::vector<CoreSegment>& segments, const CoreShape& shape) {
  return shape.is_64_bit ? make_core<Elf64_Ehdr, Elf64_Phdr, Elf64_Shdr>(segments, shape)
                         : make_core<Elf32_Ehdr, Elf32_Phdr, Elf32_Shdr>(segments, shape);
}

std::vector<std::byte> pages_of(std::size_t count, int first) {
  std::vector<std::byte> bytes;
  for (std::size_t i = 0; i < count; ++i) {
    bytes.insert(bytes.end(), page_size, static_cast<std::byte>(first + static_cast<int>(i)));
  }
  return bytes;
}

}  // namespace samepage::analyze::test
