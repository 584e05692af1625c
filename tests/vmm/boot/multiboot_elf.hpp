// SPDX-License-Identifier: Apache-2.0
// A hand-made Multiboot ELF32 with one segment.
#pragma once

#include <elf.h>

#include <cstddef>
#include <cstdint>
#include <vector>

namespace samepage::vmm::test {

struct MultibootElf {
  std::uint32_t magic = 0x1bad'b002;
  std::uint32_t flags = 0;
  std::uint32_t checksum = 0 - magic;  // of flags 0
  std::uint32_t address = 0x10'0000;   // of the segment, and the entry
  std::uint16_t machine = EM_386;
  std::vector<std::uint8_t> code;
  std::uint32_t memory_bytes = 0x2000;

  [[nodiscard]] std::vector<std::byte> bytes() const;
};

}  // namespace samepage::vmm::test
