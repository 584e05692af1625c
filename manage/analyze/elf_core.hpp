// SPDX-License-Identifier: Apache-2.0
// Where a guest's memory lies in an ELF core: what QEMU's dump-guest-memory, `virsh dump --memory-only` and
// other VMMs write. The file may come from anybody: whatever is returned lies inside it. Pure.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "base/types.hpp"

namespace samepage::analyze {

/// Whole pages that are neighbours in the file and in the guest.
struct MemoryPart {
  std::uint64_t offset = 0;  // in the file, where a core has pages at any byte
  Gfn first;
  PageCount pages;

  [[nodiscard]] Gfn end() const { return first + pages; }
  [[nodiscard]] std::uint64_t file_end() const { return offset + pages.bytes(); }
};

struct MemoryParts {
  std::vector<MemoryPart> parts;     // by address; none overlaps another
  std::uint64_t left_out_bytes = 0;  // that are in the file and make no whole page
  std::uint64_t missing_bytes = 0;   // of segments that the file has less of than the guest had
};

/// Why it can't be read: the end of a sentence that begins with the file's name.
struct CoreFault {
  std::string why;
};

/// Fills `to` from `offset` on, all of which lies in the file. False when it can't.
using ReadAt = std::function<bool(std::uint64_t offset, std::span<std::byte> to)>;

/// Pages are at their physical addresses. A core of a process has none: there they are at virtual ones. What
/// several segments have (QEMU writes such with paging=true) is there once.
std::variant<MemoryParts, CoreFault> read_elf_core(std::uint64_t file_bytes, const ReadAt& read_at);

}  // namespace samepage::analyze
