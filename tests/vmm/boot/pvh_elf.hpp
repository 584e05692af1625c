// SPDX-License-Identifier: Apache-2.0
// Hand-made PVH ELF files: a good one that a test then spoils, or a wrapper for a few bytes of machine code.
#pragma once

#include <elf.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace samepage::vmm::test {

struct ElfSegment {
  std::uint64_t address = 0;
  std::vector<std::uint8_t> bytes;
  std::uint64_t memory_bytes = 0;
};

/// The parts of an ELF file; bytes() lays them out: header, program headers, note, segments.
class PvhElf {
 public:
  /// One segment at 1 MiB, 16 bytes in the file and 8 KiB in memory, with the entry at its start.
  PvhElf();
  explicit PvhElf(std::vector<ElfSegment> segments);

  [[nodiscard]] std::vector<std::byte> bytes() const;
  /// Where the segments' bytes start in the file.
  [[nodiscard]] std::uint64_t segments_offset() const;

  Elf64_Ehdr header{};
  /// The note's program header, then one a segment.
  std::vector<Elf64_Phdr> program_headers;
  std::vector<std::byte> note;
  std::vector<ElfSegment> segments;
};

/// A note with the terminating zero counted in its name's size, 4-aligned.
std::vector<std::byte> elf_note(std::uint32_t type, const char* name, std::span<const std::byte> description);
std::vector<std::byte> pvh_note(std::uint32_t entry);

}  // namespace samepage::vmm::test
