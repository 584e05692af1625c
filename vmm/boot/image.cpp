// SPDX-License-Identifier: Apache-2.0
#include "vmm/boot/image.hpp"

#include <elf.h>

#include <algorithm>
#include <cstring>
#include <optional>

#include "vmm/boot/elf_notes.hpp"
#include "vmm/boot/layout.hpp"

namespace samepage::vmm {
namespace {

using Bytes = std::span<const std::byte>;

// More than any linker writes; bounds the work that a file can ask for.
constexpr std::size_t max_program_headers = 256;

/// True when [offset, offset + size) lies in `limit` bytes; no sum that could overflow.
constexpr bool fits(std::uint64_t offset, std::uint64_t size, std::uint64_t limit) {
  return offset <= limit && size <= limit - offset;
}

std::optional<ImageFault> check_header(Bytes file, Elf64_Ehdr& header) {
  if (file.empty()) return ImageFault::empty;
  if (file.size() < SELFMAG || std::memcmp(file.data(), ELFMAG, SELFMAG) != 0) return ImageFault::not_elf;
  if (file.size() <= EI_DATA) return ImageFault::truncated_header;
  std::memcpy(&header, file.data(), std::min(file.size(), sizeof(header)));
  // A 32-bit ELF's header is shorter, so its class comes before its length.
  if (header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_ident[EI_DATA] != ELFDATA2LSB) {
    return ImageFault::not_64_bit;
  }
  if (file.size() < sizeof(header)) return ImageFault::truncated_header;
  if (header.e_machine != EM_X86_64) return ImageFault::wrong_machine;
  return std::nullopt;
}

std::variant<std::vector<Elf64_Phdr>, ImageFault> program_headers(Bytes file, const Elf64_Ehdr& header) {
  if (header.e_phnum == 0) return ImageFault::no_segments;
  if (header.e_phentsize != sizeof(Elf64_Phdr) || header.e_phnum > max_program_headers) {
    return ImageFault::bad_program_headers;
  }
  std::vector<Elf64_Phdr> headers(header.e_phnum);
  const std::size_t bytes = headers.size() * sizeof(Elf64_Phdr);
  if (!fits(header.e_phoff, bytes, file.size())) return ImageFault::truncated_program_headers;
  std::memcpy(headers.data(), file.data() + header.e_phoff, bytes);
  return headers;
}

std::optional<ImageFault> check_segment(const Elf64_Phdr& header, std::uint64_t file_bytes) {
  if (header.p_paddr + header.p_memsz < header.p_paddr ||
      header.p_offset + header.p_filesz < header.p_offset) {
    return ImageFault::segment_overflows;
  }
  if (!fits(header.p_offset, header.p_filesz, file_bytes)) return ImageFault::truncated_segment;
  if (header.p_filesz > header.p_memsz) return ImageFault::segment_larger_in_file;
  if (!fits(header.p_paddr, header.p_memsz, layout::hole.value)) return ImageFault::segment_above_hole;
  if (header.p_paddr < layout::boot_end.value && header.p_paddr + header.p_memsz > layout::boot_page.value) {
    return ImageFault::segment_over_boot_page;
  }
  return std::nullopt;
}

std::optional<ImageFault> collect_segments(std::span<const Elf64_Phdr> headers, std::uint64_t file_bytes,
                                           std::vector<Segment>& segments) {
  for (const Elf64_Phdr& header : headers) {
    if (header.p_type != PT_LOAD || (header.p_memsz == 0 && header.p_filesz == 0)) continue;
    if (const auto fault = check_segment(header, file_bytes)) return fault;
    segments.push_back({header.p_offset, header.p_filesz, Gpa{header.p_paddr}, header.p_memsz});
  }
  if (segments.empty()) return ImageFault::no_segments;
  std::sort(segments.begin(), segments.end(),
            [](const Segment& a, const Segment& b) { return a.address < b.address; });
  const auto overlap =
      std::adjacent_find(segments.begin(), segments.end(),
                         [](const Segment& a, const Segment& b) { return b.address < a.end(); });
  if (overlap != segments.end()) return ImageFault::overlapping_segments;
  return std::nullopt;
}

std::variant<Gpa, ImageFault> pvh_entry(std::span<const Elf64_Phdr> headers, Bytes file) {
  for (const Elf64_Phdr& header : headers) {
    if (header.p_type != PT_NOTE) continue;
    if (!fits(header.p_offset, header.p_filesz, file.size())) return ImageFault::truncated_note;
    const auto found = find_pvh_entry(file.subspan(header.p_offset, header.p_filesz), header.p_align);
    if (const Gpa* entry = std::get_if<Gpa>(&found)) return *entry;
    if (std::get<NoteFault>(found) == NoteFault::truncated) return ImageFault::truncated_note;
    if (std::get<NoteFault>(found) == NoteFault::bad_entry) return ImageFault::bad_pvh_note;
  }
  return ImageFault::no_pvh_note;
}

}  // namespace

std::variant<Image, ImageFault> parse_image(Bytes file) {
  Elf64_Ehdr header{};
  if (const auto fault = check_header(file, header)) return *fault;
  const auto headers = program_headers(file, header);
  if (const auto* fault = std::get_if<ImageFault>(&headers)) return *fault;
  const auto& list = std::get<std::vector<Elf64_Phdr>>(headers);
  const auto entry = pvh_entry(list, file);
  const auto* const entry_fault = std::get_if<ImageFault>(&entry);
  // An ordinary program has segments in odd places too, but what it lacks is the note.
  if (entry_fault != nullptr && *entry_fault == ImageFault::no_pvh_note) return *entry_fault;
  Image image;
  if (const auto fault = collect_segments(list, file.size(), image.segments)) return *fault;
  if (entry_fault != nullptr) return *entry_fault;
  image.entry = std::get<Gpa>(entry);
  const auto holds_entry = [&](const Segment& segment) { return segment.contains(image.entry); };
  if (std::none_of(image.segments.begin(), image.segments.end(), holds_entry)) {
    return ImageFault::entry_outside_segments;
  }
  return image;
}

}  // namespace samepage::vmm
