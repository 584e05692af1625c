// SPDX-License-Identifier: Apache-2.0
#include "manage/analyze/elf_core.hpp"

#include <elf.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

#include "tests/manage/analyze/core_file.hpp"

namespace samepage::analyze {
namespace {

using test::core_file;
using test::CoreSegment;
using test::CoreShape;
using test::pages_of;
using testing::HasSubstr;
using Bytes = std::vector<std::byte>;

std::variant<MemoryParts, CoreFault> parse(const Bytes& file) {
  return read_elf_core(file.size(), [&](std::uint64_t offset, std::span<std::byte> to) {
    EXPECT_LE(offset + to.size(), file.size());
    std::copy_n(file.begin() + static_cast<std::ptrdiff_t>(offset), to.size(), to.begin());
    return true;
  });
}

MemoryParts parts_of(const Bytes& file) {
  const auto parsed = parse(file);
  const auto* fault = std::get_if<CoreFault>(&parsed);
  EXPECT_EQ(fault, nullptr) << fault->why;
  return fault == nullptr ? std::get<MemoryParts>(parsed) : MemoryParts{};
}

std::string fault_of(const Bytes& file) {
  const auto parsed = parse(file);
  const auto* fault = std::get_if<CoreFault>(&parsed);
  return fault == nullptr ? "" : fault->why;
}

std::byte at(const Bytes& file, const MemoryPart& part) {
  return file[part.offset];
}

TEST(ElfCore, SegmentsAreFoundAtAnyByteOfTheFile) {
  for (const bool is_64_bit : {true, false}) {
    const Bytes file = core_file({{0, pages_of(2, 1), 0, 0}, {0x100000, pages_of(1, 9), 0, 0}},
                                 CoreShape{is_64_bit, false, 357});
    const MemoryParts found = parts_of(file);
    ASSERT_EQ(found.parts.size(), 2U);
    EXPECT_EQ(found.parts[0].first, Gfn{0});
    EXPECT_EQ(found.parts[0].pages, PageCount{2});
    EXPECT_EQ(at(file, found.parts[0]), std::byte{1});
    EXPECT_EQ(found.parts[1].first, Gfn{0x100});
    EXPECT_EQ(at(file, found.parts[1]), std::byte{9});
    EXPECT_EQ(found.left_out_bytes, 0U);
    EXPECT_EQ(found.missing_bytes, 0U);
  }
}

TEST(ElfCore, MoreSegmentsThanTheHeaderCanCountAreAllFound) {
  std::vector<CoreSegment> segments;
  for (std::uint64_t i = 0; i < 66000; ++i) segments.push_back({i * 8192, {}, 0, 0});
  segments[65999].bytes = pages_of(1, 5);
  const Bytes file = core_file(segments, CoreShape{true, true, 20});
  const MemoryParts found = parts_of(file);
  ASSERT_EQ(found.parts.size(), 1U);
  EXPECT_EQ(found.parts[0].first, Gfn{65999 * 2});
}

TEST(ElfCore, NeighboursThatAreNeighboursInTheFileAreOne) {
  const MemoryParts found = parts_of(
      core_file({{0, pages_of(1, 1), 0, 0}, {4096, pages_of(1, 2), 0, 0}, {8192, pages_of(1, 3), 0, 0}}));
  ASSERT_EQ(found.parts.size(), 1U);
  EXPECT_EQ(found.parts[0].pages, PageCount{3});
}

TEST(ElfCore, PartsAreInTheOrderOfTheirAddresses) {
  const MemoryParts found =
      parts_of(core_file({{0x9000, pages_of(1, 1), 0, 0}, {0x1000, pages_of(1, 2), 0, 0}}));
  ASSERT_EQ(found.parts.size(), 2U);
  EXPECT_EQ(found.parts[0].first, Gfn{1});
  EXPECT_EQ(found.parts[1].first, Gfn{9});
}

TEST(ElfCore, WhatSeveralSegmentsHaveIsThereOnce) {
  const Bytes file = core_file({{0x1000, pages_of(4, 1), 0, 0},
                                {0x2000, pages_of(2, 50), 0x7000000, 0},
                                {0x4000, pages_of(3, 60), 0x8000000, 0}});
  const MemoryParts found = parts_of(file);
  ASSERT_EQ(found.parts.size(), 2U);
  EXPECT_EQ(found.parts[0].pages, PageCount{4});
  EXPECT_EQ(found.parts[1].first, Gfn{5});
  EXPECT_EQ(found.parts[1].pages, PageCount{2});
  EXPECT_EQ(at(file, found.parts[1]), std::byte{61});
}

TEST(ElfCore, ACoreOfAProcessHasItsPagesAtVirtualAddresses) {
  const MemoryParts found =
      parts_of(core_file({{0, pages_of(1, 1), 0x400000, 0}, {0, pages_of(2, 2), 0x7f0000, 0}}));
  ASSERT_EQ(found.parts.size(), 2U);
  EXPECT_EQ(found.parts[0].first, Gfn{0x400});
  EXPECT_EQ(found.parts[1].first, Gfn{0x7f0});
}

TEST(ElfCore, PartsOfPagesAreLeftOutAndCounted) {
  Bytes bytes = pages_of(3, 1);
  bytes.resize(bytes.size() - 100);
  const MemoryParts found = parts_of(core_file({{0x1800, bytes, 0, 0}}));
  ASSERT_EQ(found.parts.size(), 1U);
  EXPECT_EQ(found.parts[0].first, Gfn{2});
  EXPECT_EQ(found.parts[0].pages, PageCount{2});
  EXPECT_EQ(found.left_out_bytes, 2048U + 2048 - 100);
}

TEST(ElfCore, MemoryThatIsNotInTheFileIsCounted) {
  const MemoryParts found = parts_of(core_file({{0, pages_of(1, 1), 0, 3 * 4096}, {0x10000, {}, 0, 8192}}));
  EXPECT_EQ(found.parts.size(), 1U);
  EXPECT_EQ(found.missing_bytes, 2U * 4096 + 8192);
}

TEST(ElfCore, WhatIsCutOffIsRefused) {
  const Bytes file = core_file({{0, pages_of(2, 1), 0, 0}}, CoreShape{true, true, 8});
  EXPECT_EQ(fault_of(file), "");
  EXPECT_THAT(fault_of(Bytes(file.begin(), file.end() - 1)), HasSubstr("truncated"));
  for (std::size_t bytes = 0; bytes < file.size(); bytes += 7) {
    EXPECT_NE(fault_of(Bytes(file.begin(), file.begin() + static_cast<std::ptrdiff_t>(bytes))), "") << bytes;
  }
}

template <typename Change>
std::string fault_after(Change change) {
  Bytes file = core_file({{0x1000, pages_of(2, 1), 0, 0}});
  Elf64_Ehdr header;
  std::memcpy(&header, file.data(), sizeof(header));
  Elf64_Phdr segment;
  std::memcpy(&segment, file.data() + sizeof(header) + sizeof(segment), sizeof(segment));
  change(header, segment);
  std::memcpy(file.data(), &header, sizeof(header));
  std::memcpy(file.data() + sizeof(header) + sizeof(segment), &segment, sizeof(segment));
  return fault_of(file);
}

TEST(ElfCore, WhatMakesNoSenseIsRefused) {
  EXPECT_EQ(fault_after([](auto&, auto&) {}), "");
  EXPECT_THAT(fault_after([](auto& header, auto&) { header.e_type = ET_EXEC; }), HasSubstr("not a core"));
  EXPECT_THAT(fault_after([](auto& header, auto&) { header.e_ident[EI_DATA] = ELFDATA2MSB; }),
              HasSubstr("big-endian"));
  EXPECT_NE(fault_after([](auto& header, auto&) { header.e_ident[EI_CLASS] = 7; }), "");
  EXPECT_NE(fault_after([](auto& header, auto&) { header.e_phentsize = 32; }), "");
  EXPECT_NE(fault_after([](auto& header, auto&) { header.e_phoff = ~0ULL; }), "");
  EXPECT_NE(fault_after([](auto& header, auto&) { header.e_phnum = 60000; }), "");
  EXPECT_NE(fault_after([](auto& header, auto&) { header.e_phnum = PN_XNUM; }), "") << "no section header";
  EXPECT_NE(fault_after([](auto&, auto& segment) { segment.p_offset = ~0ULL - 8; }), "");
  EXPECT_NE(fault_after([](auto&, auto& segment) { segment.p_filesz = ~0ULL; }), "");
  EXPECT_NE(fault_after([](auto&, auto& segment) { segment.p_paddr = ~0ULL - 100; }), "");
  EXPECT_NE(fault_after([](auto&, auto& segment) { segment.p_type = PT_NOTE; }), "") << "no memory";
  EXPECT_EQ(fault_after([](auto&, auto& segment) { segment.p_memsz = ~0ULL; }), "");
}

TEST(ElfCore, WhatCantBeReadIsRefused) {
  const auto parsed = read_elf_core(4096, [](std::uint64_t, std::span<std::byte>) { return false; });
  EXPECT_TRUE(std::holds_alternative<CoreFault>(parsed));
}

}  // namespace
}  // namespace samepage::analyze
