// SPDX-License-Identifier: Apache-2.0
#include "tests/vmm/boot/pvh_elf.hpp"

#include <cstring>

#include "guest/abi.hpp"

namespace samepage::vmm::test {
namespace {

template <typename Value>
void append(std::vector<std::byte>& to, std::span<Value> values) {
  const auto bytes = std::as_bytes(values);
  to.insert(to.end(), bytes.begin(), bytes.end());
}

void pad(std::vector<std::byte>& bytes) {
  while (bytes.size() % 4 != 0) bytes.push_back(std::byte{0});
}

Elf64_Phdr load_header(const ElfSegment& segment, std::uint64_t offset) {
  Elf64_Phdr header{};
  header.p_type = PT_LOAD;
  header.p_offset = offset;
  header.p_vaddr = header.p_paddr = segment.address;
  header.p_filesz = segment.bytes.size();
  header.p_memsz = segment.memory_bytes;
  return header;
}

}  // namespace

std::vector<std::byte> elf_note(std::uint32_t type, const char* name,
                                std::span<const std::byte> description) {
  const std::span<const char> text(name, std::strlen(name) + 1);
  const Elf64_Nhdr header{static_cast<std::uint32_t>(text.size()),
                          static_cast<std::uint32_t>(description.size()), type};
  std::vector<std::byte> note;
  append(note, std::span(&header, 1));
  append(note, text);
  pad(note);
  append(note, description);
  pad(note);
  return note;
}

std::vector<std::byte> pvh_note(std::uint32_t entry) {
  return elf_note(abi::pvh_note_type, "Xen", std::as_bytes(std::span(&entry, 1)));
}

PvhElf::PvhElf() : PvhElf({{0x10'0000, std::vector<std::uint8_t>(16, 0x90), 0x2000}}) {}

PvhElf::PvhElf(std::vector<ElfSegment> list)
    : note(pvh_note(static_cast<std::uint32_t>(list.front().address))), segments(std::move(list)) {
  std::memcpy(header.e_ident, ELFMAG, SELFMAG);
  header.e_ident[EI_CLASS] = ELFCLASS64;
  header.e_ident[EI_DATA] = ELFDATA2LSB;
  header.e_machine = EM_X86_64;
  header.e_phoff = sizeof(header);
  header.e_phentsize = sizeof(Elf64_Phdr);
  header.e_phnum = static_cast<std::uint16_t>(segments.size() + 1);
  program_headers.resize(1);
  std::uint64_t offset = segments_offset();
  for (const ElfSegment& segment : segments) {
    program_headers.push_back(load_header(segment, offset));
    offset += segment.bytes.size();
  }
  Elf64_Phdr& notes = program_headers.front();
  notes.p_type = PT_NOTE;
  notes.p_align = 4;
  notes.p_offset = sizeof(header) + program_headers.size() * sizeof(Elf64_Phdr);
  notes.p_filesz = note.size();
}

std::uint64_t PvhElf::segments_offset() const {
  return sizeof(header) + (segments.size() + 1) * sizeof(Elf64_Phdr) + note.size();
}

std::vector<std::byte> PvhElf::bytes() const {
  std::vector<std::byte> file;
  append(file, std::span(&header, 1));
  append(file, std::span(program_headers));
  append(file, std::span(note));
  for (const ElfSegment& segment : segments) append(file, std::span(segment.bytes));
  return file;
}

}  // namespace samepage::vmm::test
