// SPDX-License-Identifier: Apache-2.0
#include "vmm/boot/image.hpp"

#include <elf.h>

#include <algorithm>
#include <cstring>
#include <optional>

#include "base/byte_reader.hpp"
#include "vmm/boot/elf_notes.hpp"
#include "vmm/boot/multiboot.hpp"
#include "vmm/memory/layout.hpp"

namespace samepage::vmm {
namespace {

using Bytes = std::span<const std::byte>;

// More than any linker writes; bounds the work that a file can ask for.
constexpr std::size_t max_program_headers = 256;

/// True when [offset, offset + size) lies in `limit` bytes; no sum that could overflow.
constexpr bool fits(std::uint64_t offset, std::uint64_t size, std::uint64_t limit) {
  return offset <= limit && size <= limit - offset;
}

/// What both classes of ELF file have, as the 64-bit one has it.
struct Elf {
  std::uint64_t entry = 0;
  std::vector<Elf64_Phdr> headers;
};

std::optional<ImageFault> check_identity(Bytes file) {
  if (file.empty()) return ImageFault::empty;
  if (file.size() < SELFMAG || std::memcmp(file.data(), ELFMAG, SELFMAG) != 0) return ImageFault::not_elf;
  if (file.size() <= EI_DATA) return ImageFault::truncated_header;
  const auto identity = [&](std::size_t index) { return std::to_integer<unsigned>(file[index]); };
  if (identity(EI_DATA) != ELFDATA2LSB) return ImageFault::not_64_bit;
  if (identity(EI_CLASS) == ELFCLASS32 && multiboot::header_flags(file)) return std::nullopt;
  return identity(EI_CLASS) == ELFCLASS64 ? std::nullopt : std::optional(ImageFault::not_64_bit);
}

Elf64_Phdr widened(const Elf64_Phdr& header) {
  return header;
}
Elf64_Phdr widened(const Elf32_Phdr& narrow) {
  Elf64_Phdr header{};
  header.p_type = narrow.p_type;
  header.p_offset = narrow.p_offset;
  header.p_paddr = narrow.p_paddr;
  header.p_filesz = narrow.p_filesz;
  header.p_memsz = narrow.p_memsz;
  header.p_align = narrow.p_align;
  return header;
}

template <typename FileHeader, typename ProgramHeader>
std::variant<Elf, ImageFault> read_elf(Bytes file, unsigned machine) {
  if (file.size() < sizeof(FileHeader)) return ImageFault::truncated_header;
  const auto header = read_value<FileHeader>(file);
  if (header.e_machine != machine) return ImageFault::wrong_machine;
  if (header.e_phnum == 0) return ImageFault::no_segments;
  if (header.e_phentsize != sizeof(ProgramHeader) || header.e_phnum > max_program_headers) {
    return ImageFault::bad_program_headers;
  }
  std::vector<ProgramHeader> headers(header.e_phnum);
  const std::size_t bytes = headers.size() * sizeof(ProgramHeader);
  if (!fits(header.e_phoff, bytes, file.size())) return ImageFault::truncated_program_headers;
  std::memcpy(headers.data(), file.data() + header.e_phoff, bytes);
  Elf elf{header.e_entry, {}};
  for (const ProgramHeader& one : headers) elf.headers.push_back(widened(one));
  return elf;
}

std::optional<ImageFault> check_segment(const Elf64_Phdr& header, std::uint64_t file_bytes,
                                        const ReservedRange& reserved) {
  if (header.p_paddr + header.p_memsz < header.p_paddr ||
      header.p_offset + header.p_filesz < header.p_offset) {
    return ImageFault::segment_overflows;
  }
  if (!fits(header.p_offset, header.p_filesz, file_bytes)) return ImageFault::truncated_segment;
  if (header.p_filesz > header.p_memsz) return ImageFault::segment_larger_in_file;
  if (!fits(header.p_paddr, header.p_memsz, layout::hole.value)) return ImageFault::segment_above_hole;
  if (header.p_paddr < reserved.end.value && header.p_paddr + header.p_memsz > reserved.start.value) {
    return reserved.fault;
  }
  return std::nullopt;
}

std::optional<ImageFault> collect_segments(std::span<const Elf64_Phdr> headers, std::uint64_t file_bytes,
                                           Image& image) {
  std::vector<Segment>& segments = image.segments;
  const ReservedRange reserved = reserved_range(image.kind);
  for (const Elf64_Phdr& header : headers) {
    if (header.p_type != PT_LOAD || (header.p_memsz == 0 && header.p_filesz == 0)) continue;
    if (const auto fault = check_segment(header, file_bytes, reserved)) return fault;
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

bool is_linux(std::span<const Elf64_Phdr> headers, Bytes file) {
  return std::any_of(headers.begin(), headers.end(), [&](const Elf64_Phdr& header) {
    return header.p_type == PT_NOTE && fits(header.p_offset, header.p_filesz, file.size()) &&
           are_of_linux(file.subspan(header.p_offset, header.p_filesz), header.p_align);
  });
}

std::variant<Image, ImageFault> with_segments(const Elf& elf, Bytes file, Image image) {
  if (const auto fault = collect_segments(elf.headers, file.size(), image)) return *fault;
  const auto holds_entry = [&](const Segment& segment) { return segment.contains(image.entry); };
  if (std::none_of(image.segments.begin(), image.segments.end(), holds_entry)) {
    return ImageFault::entry_outside_segments;
  }
  return image;
}

std::variant<Image, ImageFault> parse_multiboot(Bytes file) {
  const auto flags = multiboot::header_flags(file);
  if (!flags || !multiboot::can_satisfy(*flags)) return ImageFault::bad_multiboot_header;
  // Some are made of 64-bit objects, and keep their machine.
  auto elf = read_elf<Elf32_Ehdr, Elf32_Phdr>(file, EM_386);
  if (const auto* fault = std::get_if<ImageFault>(&elf);
      fault != nullptr && *fault == ImageFault::wrong_machine) {
    elf = read_elf<Elf32_Ehdr, Elf32_Phdr>(file, EM_X86_64);
  }
  if (const auto* fault = std::get_if<ImageFault>(&elf)) return *fault;
  const Elf& parts = std::get<Elf>(elf);
  return with_segments(parts, file, {Gpa{parts.entry}, {}, BootProtocol::multiboot, ImageKind::multiboot});
}

}  // namespace

ReservedRange reserved_range(ImageKind kind) {
  switch (kind) {
    case ImageKind::bare:
      return {layout::boot_page, layout::boot_end, ImageFault::segment_over_boot_page};
    case ImageKind::linux_kernel:
      return {Gpa{0}, layout::isa_hole_end, ImageFault::segment_below_1_mib};
    case ImageKind::multiboot:
      return {layout::multiboot_information, layout::isa_hole_end, ImageFault::segment_over_boot_information};
  }
  return {};
}

std::variant<Image, ImageFault> parse_image(Bytes file, EntryChoice choice) {
  if (const auto fault = check_identity(file)) return *fault;
  if (std::to_integer<unsigned>(file[EI_CLASS]) == ELFCLASS32) return parse_multiboot(file);
  const auto elf = read_elf<Elf64_Ehdr, Elf64_Phdr>(file, EM_X86_64);
  if (const auto* fault = std::get_if<ImageFault>(&elf)) return *fault;
  const Elf& parts = std::get<Elf>(elf);
  const auto entry = pvh_entry(parts.headers, file);
  const auto* const fault = std::get_if<ImageFault>(&entry);
  Image image;
  if (is_linux(parts.headers, file)) image.kind = ImageKind::linux_kernel;
  const bool no_note = fault != nullptr && *fault == ImageFault::no_pvh_note;
  if (image.kind == ImageKind::linux_kernel && (no_note || choice != EntryChoice::automatic)) {
    image.protocol = BootProtocol::linux64;
    image.entry = Gpa{parts.entry};
    return with_segments(parts, file, std::move(image));
  }
  // An ordinary program has segments in odd places too, but what it lacks is the note.
  if (no_note) return *fault;
  if (fault != nullptr) {
    const auto segments_fault = collect_segments(parts.headers, file.size(), image);
    return segments_fault ? *segments_fault : *fault;
  }
  image.entry = std::get<Gpa>(entry);
  return with_segments(parts, file, std::move(image));
}

}  // namespace samepage::vmm
