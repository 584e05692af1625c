// SPDX-License-Identifier: Apache-2.0
#include "tests/vmm/boot/multiboot_elf.hpp"

#include <cstring>
#include <span>

namespace samepage::vmm::test {
namespace {

template <typename Value>
void append(std::vector<std::byte>& to, const Value& value) {
  const auto bytes = std::as_bytes(std::span(&value, 1));
  to.insert(to.end(), bytes.begin(), bytes.end());
}

}  // namespace

std::vector<std::byte> MultibootElf::bytes() const {
  Elf32_Ehdr header{};
  std::memcpy(header.e_ident, ELFMAG, SELFMAG);
  header.e_ident[EI_CLASS] = ELFCLASS32;
  header.e_ident[EI_DATA] = ELFDATA2LSB;
  header.e_machine = machine;
  header.e_phoff = sizeof(header);
  header.e_phentsize = sizeof(Elf32_Phdr);
  header.e_phnum = 1;
  header.e_entry = address;
  Elf32_Phdr segment{};
  segment.p_type = PT_LOAD;
  segment.p_offset = sizeof(header) + sizeof(segment) + 12;
  segment.p_vaddr = segment.p_paddr = address;
  segment.p_filesz = static_cast<std::uint32_t>(code.size());
  segment.p_memsz = memory_bytes;
  std::vector<std::byte> file;
  append(file, header);
  append(file, segment);
  for (const std::uint32_t word : {magic, flags, checksum}) append(file, word);
  for (const std::uint8_t byte : code) append(file, byte);
  return file;
}

}  // namespace samepage::vmm::test
