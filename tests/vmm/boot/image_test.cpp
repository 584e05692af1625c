// SPDX-License-Identifier: Apache-2.0
// What is refused as an image and what is loaded. One file: nearly all of it are fields of ELF, each set
// wrong once.
#include "vmm/boot/image.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "guest/abi.hpp"
#include "tests/vmm/boot/multiboot_elf.hpp"
#include "tests/vmm/boot/pvh_elf.hpp"
#include "vmm/memory/layout.hpp"

namespace samepage::vmm {
namespace {

using test::PvhElf;

Image image_of(const PvhElf& elf) {
  return std::get<Image>(parse_image(elf.bytes()));
}

ImageFault fault_of(std::span<const std::byte> file) {
  return std::get<ImageFault>(parse_image(file));
}
ImageFault fault_of(const PvhElf& elf) {
  return fault_of(elf.bytes());
}

Elf64_Phdr& load(PvhElf& elf, std::size_t i = 0) {
  return elf.program_headers[i + 1];
}

TEST(Image, HasEntryAndSegments) {
  const PvhElf elf;
  const Image image = image_of(elf);
  EXPECT_EQ(image.entry.value, 0x10'0000U);
  ASSERT_EQ(image.segments.size(), 1U);
  EXPECT_EQ(image.segments[0].file_offset, elf.segments_offset());
  EXPECT_EQ(image.segments[0].file_bytes, 16U);
  EXPECT_EQ(image.end().value, 0x10'2000U);
}

TEST(Image, SegmentsAreInOrderOfAddress) {
  PvhElf elf({{0x20'0000, {1, 2}, 2}, {0x10'0000, {3}, 1}});
  const Image image = image_of(elf);
  EXPECT_EQ(image.segments[0].address.value, 0x10'0000U);
  EXPECT_EQ(image.segments[1].address.value, 0x20'0000U);
  EXPECT_EQ(image.entry.value, 0x20'0000U);
}

TEST(Image, GoesToPhysicalAddresses) {
  PvhElf elf;
  load(elf).p_vaddr = 0xffff'ffff'8010'0000;
  EXPECT_EQ(image_of(elf).segments[0].address.value, 0x10'0000U);
}

TEST(Image, EmptySegmentsDoNotCount) {
  PvhElf elf({{0x10'0000, {1}, 1}, {0x10'0000, {}, 0}});
  EXPECT_EQ(image_of(elf).segments.size(), 1U);
}

TEST(Image, TouchingSegmentsDoNotOverlap) {
  PvhElf elf({{0x10'0000, {1}, 0x1000}, {0x10'1000, {2}, 0x1000}});
  EXPECT_EQ(image_of(elf).segments.size(), 2U);
}

TEST(Image, EmptyFile) {
  EXPECT_EQ(fault_of(std::span<const std::byte>()), ImageFault::empty);
}

TEST(Image, NotElf) {
  PvhElf elf;
  elf.header.e_ident[1] = 'F';
  EXPECT_EQ(fault_of(elf), ImageFault::not_elf);
  EXPECT_EQ(fault_of(std::vector(3, std::byte{0x7f})), ImageFault::not_elf);
}

TEST(Image, Not64Bit) {
  PvhElf elf;
  elf.header.e_ident[EI_CLASS] = ELFCLASS32;
  EXPECT_EQ(fault_of(elf), ImageFault::not_64_bit);
  // A whole 32-bit ELF may be shorter than a 64-bit header.
  const auto file = elf.bytes();
  EXPECT_EQ(fault_of(std::span(file).first(sizeof(Elf32_Ehdr))), ImageFault::not_64_bit);
}

TEST(Image, BigEndian) {
  PvhElf elf;
  elf.header.e_ident[EI_DATA] = ELFDATA2MSB;
  EXPECT_EQ(fault_of(elf), ImageFault::not_64_bit);
}

TEST(Image, WrongMachine) {
  PvhElf elf;
  elf.header.e_machine = EM_AARCH64;
  EXPECT_EQ(fault_of(elf), ImageFault::wrong_machine);
}

TEST(Image, EveryTruncationIsAFault) {
  const auto file = PvhElf().bytes();
  for (std::size_t size = 0; size < file.size(); ++size) {
    EXPECT_TRUE(std::holds_alternative<ImageFault>(parse_image(std::span(file).first(size)))) << size;
  }
}

TEST(Image, TruncationIsNamed) {
  const PvhElf elf;
  const auto file = elf.bytes();
  const std::span whole(file);
  EXPECT_EQ(fault_of(whole.first(5)), ImageFault::truncated_header);
  EXPECT_EQ(fault_of(whole.first(sizeof(Elf64_Ehdr) - 1)), ImageFault::truncated_header);
  EXPECT_EQ(fault_of(whole.first(sizeof(Elf64_Ehdr) + 2 * sizeof(Elf64_Phdr) - 1)),
            ImageFault::truncated_program_headers);
  EXPECT_EQ(fault_of(whole.first(file.size() - 1)), ImageFault::truncated_segment);
}

TEST(Image, ProgramHeadersOutsideTheFile) {
  PvhElf elf;
  elf.header.e_phoff = ~std::uint64_t{0} - 8;
  EXPECT_EQ(fault_of(elf), ImageFault::truncated_program_headers);
}

TEST(Image, MalformedProgramHeaders) {
  PvhElf elf;
  elf.header.e_phentsize = 32;
  EXPECT_EQ(fault_of(elf), ImageFault::bad_program_headers);
  elf.header.e_phentsize = sizeof(Elf64_Phdr);
  elf.header.e_phnum = 0xffff;
  EXPECT_EQ(fault_of(elf), ImageFault::bad_program_headers);
}

TEST(Image, NoSegments) {
  PvhElf elf;
  elf.header.e_phnum = 0;
  EXPECT_EQ(fault_of(elf), ImageFault::no_segments);
  elf.header.e_phnum = 1;  // the note alone
  EXPECT_EQ(fault_of(elf), ImageFault::no_segments);
}

TEST(Image, OffsetAndSizeOverflow) {
  PvhElf elf;
  load(elf).p_offset = ~std::uint64_t{0} - 7;
  EXPECT_EQ(fault_of(elf), ImageFault::segment_overflows);
  elf = PvhElf();
  load(elf).p_memsz = ~std::uint64_t{0} - 7;
  EXPECT_EQ(fault_of(elf), ImageFault::segment_overflows);
}

TEST(Image, SegmentLargerInFileThanInMemory) {
  PvhElf elf;
  load(elf).p_memsz = 8;
  EXPECT_EQ(fault_of(elf), ImageFault::segment_larger_in_file);
}

TEST(Image, SegmentMayEndAtTheHoleButNotInIt) {
  PvhElf elf({{layout::hole.value - 0x1000, {1}, 0x1000}});
  EXPECT_EQ(image_of(elf).end(), layout::hole);
  load(elf).p_memsz = 0x1001;
  EXPECT_EQ(fault_of(elf), ImageFault::segment_above_hole);
  EXPECT_EQ(fault_of(PvhElf({{0x1'0000'0000, {1}, 1}})), ImageFault::segment_above_hole);
}

TEST(Image, SegmentOverTheBootPage) {
  EXPECT_EQ(fault_of(PvhElf({{0x7fff, {1}, 1}})), ImageFault::segment_over_boot_page);
  EXPECT_EQ(fault_of(PvhElf({{0x1000, {1}, 0x6001}})), ImageFault::segment_over_boot_page);
  EXPECT_EQ(image_of(PvhElf({{0x1000, {1}, 0x6000}})).segments.size(), 1U);
  EXPECT_EQ(image_of(PvhElf({{0x8000, {1}, 1}})).segments.size(), 1U);
}

TEST(Image, OverlappingSegments) {
  EXPECT_EQ(fault_of(PvhElf({{0x10'1000, {1}, 0x1000}, {0x10'0000, {2}, 0x1001}})),
            ImageFault::overlapping_segments);
  EXPECT_EQ(fault_of(PvhElf({{0x10'0000, {1}, 1}, {0x10'0000, {2}, 1}})), ImageFault::overlapping_segments);
}

TEST(Image, EntryOutsideSegments) {
  PvhElf elf;
  elf.note = test::pvh_note(0x10'2000);  // one past the end
  EXPECT_EQ(fault_of(elf), ImageFault::entry_outside_segments);
  elf.note = test::pvh_note(0x10'1fff);
  EXPECT_EQ(image_of(elf).entry.value, 0x10'1fffU);
}

TEST(Image, NoPvhNote) {
  PvhElf elf;
  const std::uint32_t entry = 0x10'0000;
  const auto description = std::as_bytes(std::span(&entry, 1));
  elf.note = test::elf_note(abi::pvh_note_type, "GNU", description);
  EXPECT_EQ(fault_of(elf), ImageFault::no_pvh_note);
  elf.note = test::elf_note(abi::pvh_note_type + 1, "Xen", description);
  EXPECT_EQ(fault_of(elf), ImageFault::no_pvh_note);
  elf = PvhElf();
  elf.program_headers.front().p_type = PT_NULL;
  EXPECT_EQ(fault_of(elf), ImageFault::no_pvh_note);
}

TEST(Image, PvhNoteAfterOthers) {
  PvhElf elf;
  const auto pvh = elf.note;
  elf.note = test::elf_note(3, "GNU", std::vector(20, std::byte{1}));
  elf.note.insert(elf.note.end(), pvh.begin(), pvh.end());
  elf.program_headers.front().p_filesz = elf.note.size();
  load(elf).p_offset = elf.segments_offset();
  EXPECT_EQ(image_of(elf).entry.value, 0x10'0000U);
}

TEST(Image, PvhNoteWithA64BitEntry) {
  PvhElf elf;
  const std::uint64_t entry = 0x10'0004;
  elf.note = test::elf_note(abi::pvh_note_type, "Xen", std::as_bytes(std::span(&entry, 1)));
  elf.program_headers.front().p_filesz = elf.note.size();
  load(elf).p_offset = elf.segments_offset();
  EXPECT_EQ(image_of(elf).entry.value, entry);
}

TEST(Image, BadPvhNote) {
  PvhElf elf;
  const std::uint16_t entry = 0x1000;
  elf.note = test::elf_note(abi::pvh_note_type, "Xen", std::as_bytes(std::span(&entry, 1)));
  EXPECT_EQ(fault_of(elf), ImageFault::bad_pvh_note);
}

TEST(Image, TruncatedNote) {
  PvhElf elf;
  elf.program_headers.front().p_filesz = 4;
  EXPECT_EQ(fault_of(elf), ImageFault::truncated_note);
  elf.program_headers.front().p_filesz = elf.note.size() - 1;
  EXPECT_EQ(fault_of(elf), ImageFault::truncated_note);
  elf = PvhElf();
  elf.program_headers.front().p_offset = ~std::uint64_t{0};
  EXPECT_EQ(fault_of(elf), ImageFault::truncated_note);
  elf = PvhElf();
  std::fill_n(elf.note.begin(), 8, std::byte{0xff});  // name and description of 4 GiB
  EXPECT_EQ(fault_of(elf), ImageFault::truncated_note);
}

void expect_segments_within(const std::variant<Image, ImageFault>& result, std::size_t bytes) {
  const auto* const image = std::get_if<Image>(&result);
  if (image == nullptr) return;
  for (const Segment& segment : image->segments) {
    ASSERT_LE(segment.file_offset, bytes);
    ASSERT_LE(segment.file_bytes, bytes - segment.file_offset);
  }
}

TEST(Image, SegmentsOfASpoiledFileLieInIt) {
  std::mt19937 random(1);
  const auto good = PvhElf().bytes();
  for (int round = 0; round < 20'000; ++round) {
    auto file = good;
    for (int change = 0; change < 3; ++change) file[random() % file.size()] = std::byte(random() & 0xffU);
    expect_segments_within(parse_image(file), file.size());
  }
}

TEST(Image, EveryFaultHasItsSentence) {
  EXPECT_NE(describe(ImageFault::no_pvh_note).find("XEN_ELFNOTE_PHYS32_ENTRY"), std::string_view::npos);
  for (int fault = 0; fault <= static_cast<int>(ImageFault::entry_outside_segments); ++fault) {
    EXPECT_NE(describe(static_cast<ImageFault>(fault)).find(';'), std::string_view::npos) << fault;
  }
}

const std::byte salt[1]{};

/// A kernel's notes: PVH, and the one that says that it is Linux.
PvhElf linux_elf() {
  PvhElf elf;
  const auto note = test::elf_note(0x100, "Linux", salt);
  elf.note.insert(elf.note.begin(), note.begin(), note.end());
  elf.program_headers[0].p_filesz += note.size();
  for (std::size_t i = 1; i < elf.program_headers.size(); ++i) elf.program_headers[i].p_offset += note.size();
  elf.header.e_entry = 0x10'0008;
  return elf;
}

TEST(Image, LinuxIsKnownByItsNoteAndEnteredByPvh) {
  const Image image = image_of(linux_elf());
  EXPECT_EQ(image.kind, ImageKind::linux_kernel);
  EXPECT_EQ(image.protocol, BootProtocol::pvh);
  EXPECT_EQ(image.entry.value, 0x10'0000U);
  EXPECT_EQ(image_of(PvhElf()).kind, ImageKind::bare);
}

TEST(Image, LinuxWithoutPvhIsEnteredByIts64BitEntry) {
  PvhElf elf = linux_elf();
  elf.note = test::elf_note(0x100, "Linux", salt);
  elf.program_headers[0].p_filesz = elf.note.size();
  elf.program_headers[1].p_offset = elf.segments_offset();
  const Image image = image_of(elf);
  EXPECT_EQ(image.protocol, BootProtocol::linux64);
  EXPECT_EQ(image.entry.value, 0x10'0008U);
  const auto chosen = std::get<Image>(parse_image(linux_elf().bytes(), EntryChoice::linux64));
  EXPECT_EQ(chosen.protocol, BootProtocol::linux64);
}

TEST(Image, LinuxStaysAboveItsBootParameters) {
  PvhElf elf = linux_elf();
  load(elf).p_paddr = 0xf'f000;
  EXPECT_EQ(fault_of(elf), ImageFault::segment_below_1_mib);
}

TEST(Image, MultibootElfHasItsOwnEntry) {
  test::MultibootElf elf;
  elf.code = {0xf4};
  for (const std::uint16_t machine :
       {std::uint16_t{EM_386}, std::uint16_t{EM_X86_64}}) {  // some are made of 64-bit objects
    elf.machine = machine;
    const auto image = std::get<Image>(parse_image(elf.bytes()));
    EXPECT_EQ(image.protocol, BootProtocol::multiboot);
    EXPECT_EQ(image.kind, ImageKind::multiboot);
    EXPECT_EQ(image.entry.value, 0x10'0000U);
    EXPECT_EQ(image.segments.at(0).memory_bytes, 0x2000U);
  }
}

TEST(Image, MultibootHeaderIsChecked) {
  test::MultibootElf elf;
  elf.checksum += 1;
  EXPECT_EQ(fault_of(elf.bytes()), ImageFault::not_64_bit);  // then it is any 32-bit ELF file
  elf.flags = 4;                                             // a video mode
  elf.checksum = 0 - elf.magic - elf.flags;
  EXPECT_EQ(fault_of(elf.bytes()), ImageFault::bad_multiboot_header);
  elf = {};
  elf.address = 0x9'f000;
  EXPECT_EQ(fault_of(elf.bytes()), ImageFault::segment_over_boot_information);
  elf = {};
  elf.address = 0xffff'f000;
  EXPECT_EQ(fault_of(elf.bytes()), ImageFault::segment_above_hole);
}

TEST(Image, SegmentsOfASpoiledMultibootFileLieInIt) {
  std::mt19937 random(2);
  test::MultibootElf elf;
  elf.code.assign(64, 0x90);
  const auto good = elf.bytes();
  for (int round = 0; round < 20'000; ++round) {
    auto spoiled = good;
    for (int i = 0; i < 3; ++i) spoiled[random() % 96] = static_cast<std::byte>(random());
    spoiled.resize(random() % (spoiled.size() + 1));
    expect_segments_within(parse_image(spoiled), spoiled.size());
  }
}

}  // namespace
}  // namespace samepage::vmm
