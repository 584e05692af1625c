// SPDX-License-Identifier: Apache-2.0
// What an image file asks for: which of its bytes go where in guest memory, and where the guest starts.
// Pure: bytes in, plain values out; any bytes at all are safe to give it. ELF-64 Object File Format 1.5;
// the PVH note is Xen's "x86/HVM direct boot ABI".
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <variant>
#include <vector>

#include "base/types.hpp"

namespace samepage::vmm {

/// A part of guest memory that the image fills: `file_bytes` from the file, zeros up to `memory_bytes`.
struct Segment {
  std::uint64_t file_offset = 0;
  std::uint64_t file_bytes = 0;
  Gpa address;
  std::uint64_t memory_bytes = 0;

  [[nodiscard]] Gpa end() const { return address + memory_bytes; }
  [[nodiscard]] bool contains(Gpa gpa) const { return address <= gpa && gpa < end(); }
};

/// Its segments are in order of address, none empty, without overlap, inside the file, below the hole and
/// outside the boot page; the entry lies in one of them.
struct Image {
  Gpa entry;
  std::vector<Segment> segments;

  [[nodiscard]] Gpa end() const { return segments.back().end(); }
};

/// Why a file can't be booted.
enum class ImageFault : std::uint8_t {
  empty,
  not_elf,
  truncated_header,
  not_64_bit,
  wrong_machine,
  bad_program_headers,
  truncated_program_headers,
  segment_overflows,
  truncated_segment,
  segment_larger_in_file,
  segment_above_hole,
  segment_over_boot_page,
  overlapping_segments,
  no_segments,
  truncated_note,
  no_pvh_note,
  bad_pvh_note,
  entry_outside_segments,
};

/// The end of a sentence that starts "cannot boot FILE: ", with the way out.
std::string_view describe(ImageFault fault);

std::variant<Image, ImageFault> parse_image(std::span<const std::byte> file);

}  // namespace samepage::vmm
