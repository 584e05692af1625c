// SPDX-License-Identifier: Apache-2.0
// Hand-made ELF cores as VMMs write them: good ones that a test then spoils.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace samepage::analyze::test {

struct CoreSegment {
  std::uint64_t physical = 0;
  std::vector<std::byte> bytes;
  std::uint64_t virtual_address = 0;
  std::uint64_t memory_bytes = 0;  // 0: as many as there are
};

struct CoreShape {
  bool is_64_bit = true;
  bool many = false;             // the number of segments is in a section header, as for more than 65,534
  std::size_t note_bytes = 356;  // so that no page lies on a border of pages in the file
};

/// Header, program headers (a note first), perhaps a section header, the note, then the segments' bytes.
std::vector<std::byte> core_file(const std::vector<CoreSegment>& segments, const CoreShape& shape = {});

/// Pages that all are of the byte `first`, then of the next one.
std::vector<std::byte> pages_of(std::size_t count, int first);

}  // namespace samepage::analyze::test
