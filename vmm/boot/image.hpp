// SPDX-License-Identifier: Apache-2.0
// What an image file asks for: which of its bytes go where in guest memory, and where and how the guest
// starts. Pure: bytes in, plain values out; any bytes at all are safe to give it. ELF-64 Object File
// Format 1.5; the PVH note is Xen's "x86/HVM direct boot ABI"; Multiboot Specification 0.6.96; the 64-bit
// Linux boot protocol is in Documentation/arch/x86/boot.rst.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <variant>
#include <vector>

#include "base/types.hpp"
#include "vmm/boot/entry_choice.hpp"

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

/// How a guest is entered, and where it finds what it has to know.
enum class BootProtocol : std::uint8_t { pvh, linux64, multiboot };

/// What is in the image, which decides what is around it: a bare guest was written for Samepage's few devices
/// and is told when it misses one; the others expect a PC.
enum class ImageKind : std::uint8_t { bare, linux_kernel, multiboot };

/// Its segments are in order of address, none empty, without overlap, inside the file, below the hole and
/// outside of what the VMM writes for its protocol; the entry lies in one of them.
struct Image {
  Gpa entry;
  std::vector<Segment> segments;
  BootProtocol protocol = BootProtocol::pvh;
  ImageKind kind = ImageKind::bare;

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
  segment_below_1_mib,
  segment_over_boot_information,
  overlapping_segments,
  no_segments,
  truncated_note,
  no_pvh_note,
  bad_pvh_note,
  entry_outside_segments,
  bad_multiboot_header,
};

/// The end of a sentence that starts "cannot boot FILE: ", with the way out.
std::string_view describe(ImageFault fault);

/// An ELF file with a PVH note, a Linux kernel's or one with a Multiboot header.
std::variant<Image, ImageFault> parse_image(std::span<const std::byte> file,
                                            EntryChoice choice = EntryChoice::automatic);

/// What the VMM writes for `kind` and `protocol` at the start, which no segment may cover.
struct ReservedRange {
  Gpa start;
  Gpa end;
  ImageFault fault = ImageFault::segment_over_boot_page;
};
ReservedRange reserved_range(ImageKind kind);

}  // namespace samepage::vmm
