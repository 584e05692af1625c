// SPDX-License-Identifier: Apache-2.0
// The small parts of an analysis, each alone.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string_view>

#include "manage/analyze/content_table.hpp"
#include "manage/analyze/costs.hpp"
#include "manage/analyze/file_kind.hpp"
#include "manage/analyze/file_sets.hpp"
#include "manage/analyze/run_lengths.hpp"

namespace samepage::analyze {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

FileKind kind_of(std::string_view beginning) {
  return file_type(std::as_bytes(std::span(beginning))).kind;
}

TEST(FileKindOf, MemoryIsTakenForMemory) {
  EXPECT_EQ(kind_of(""), FileKind::raw);
  EXPECT_EQ(kind_of("KDUMP"), FileKind::raw) << "shorter than the mark";
  EXPECT_EQ(kind_of(std::string_view("\0\0\0\0\0\0\0\0", 8)), FileKind::raw);
  EXPECT_EQ(kind_of("\x7f"
                    "ELF\x02\x01"),
            FileKind::elf);
}

TEST(FileKindOf, OtherDumpsAreNamedWithAWayOut) {
  for (const std::string_view beginning : {"KDUMP   \x06", "makedumpfile\0", "PAGEDU64", "EMiL", "QEVM",
                                           "LibvirtQemudSave", "\x1f\x8b\x08", "\x28\xb5\x2f\xfd"}) {
    const FileType type = file_type(std::as_bytes(std::span(beginning)));
    EXPECT_EQ(type.kind, FileKind::not_memory) << beginning;
    EXPECT_FALSE(type.name.empty() || type.way_out.empty()) << beginning;
  }
}

TEST(ContentTable, NumbersAreInTheOrderOfFirstSightingAndStay) {
  ContentTable table;
  const auto hash = [](std::uint64_t i) { return WideHash{i % 7, i}; };  // seven chains
  constexpr std::uint32_t many = 9000;
  for (std::uint32_t i = 0; i < many; ++i) {
    table.make_room(1);
    ASSERT_EQ(table.number_of(hash(i)), i);
  }
  for (std::uint32_t i = 0; i < many; i += 13) ASSERT_EQ(table.number_of(hash(i)), i);
  EXPECT_EQ(table.size(), many);
}

TEST(ContentTable, BothHalvesOfAHashCount) {
  ContentTable table;
  table.make_room(3);
  EXPECT_EQ(table.number_of({1, 2}), 0U);
  EXPECT_EQ(table.number_of({1, 3}), 1U);
  EXPECT_EQ(table.number_of({2, 2}), 2U);
  EXPECT_EQ(table.number_of({1, 3}), 1U);
}

TEST(ContentTable, ItsGrowthIsForetold) {
  ContentTable table;
  for (std::uint64_t i = 0; i < 20000; ++i) {
    const std::uint64_t foretold = table.memory_bytes() + table.growth_bytes(1);
    table.make_room(1);
    table.number_of({i, i});
    ASSERT_EQ(table.memory_bytes(), foretold) << i;
  }
}

TEST(FileSets, ASetIsTheSameHoweverOftenItIsMade) {
  FileSets sets;
  sets.begin_file();
  const FileSets::Set first = sets.with_current(FileSets::empty);
  EXPECT_EQ(sets.with_current(FileSets::empty), first);
  EXPECT_EQ(sets.with_current(first), first) << "it has the file already";
  sets.begin_file();
  const FileSets::Set both = sets.with_current(first);
  const FileSets::Set second = sets.with_current(FileSets::empty);
  EXPECT_EQ(sets.with_current(first), both);
  sets.begin_file();
  EXPECT_THAT(sets.files_of(sets.with_current(both)), ElementsAre(2, 1, 0));
  EXPECT_THAT(sets.files_of(sets.with_current(second)), ElementsAre(2, 1));
  EXPECT_THAT(sets.files_of(both), ElementsAre(1, 0));
  EXPECT_THAT(sets.files_of(FileSets::empty), IsEmpty());
  EXPECT_EQ(sets.size(), 6U) << "none, 0, 01, 1, 012, 12";
}

TEST(RunLengths, ClassesGoFromOnePowerOfTwoToTheNext) {
  RunLengths runs;
  for (const std::uint64_t length : std::initializer_list<std::uint64_t>{1, 1, 2, 3, 4, 7, 8, 1024, 1500})
    runs.add(length);
  std::vector<std::vector<std::uint64_t>> classes;
  for (const RunClass& one : runs.classes()) classes.push_back({one.from, one.to, one.runs, one.pages});
  EXPECT_THAT(classes, ElementsAre(ElementsAre(1, 1, 2, 2), ElementsAre(2, 3, 2, 5), ElementsAre(4, 7, 2, 11),
                                   ElementsAre(8, 15, 1, 8), ElementsAre(1024, 2047, 2, 2524)));
  EXPECT_EQ(runs.runs(), 9U);
}

TEST(RunLengths, TheShortestAreBeyondALimit) {
  RunLengths runs;
  runs.add(10, 3);
  runs.add(2, 5);
  EXPECT_EQ(runs.pages_beyond(0), 40U);
  EXPECT_EQ(runs.pages_beyond(1), 30U);
  EXPECT_EQ(runs.pages_beyond(4), 8U);
  EXPECT_EQ(runs.pages_beyond(8), 0U);
  EXPECT_EQ(runs.pages_beyond(100), 0U);
}

// One guest of `pages`, 1,000 of them zero and 1,000 in runs of `length` that it shares with another.
Figures guest_figures(std::uint64_t pages, std::uint64_t length) {
  Figures figures;
  FileFigures file;
  file.pages = {pages, 1000, 0, 1000, pages - 2000, 1000};
  file.runs.add(length, 1000 / length);
  file.mapped_runs = file.runs;
  file.mappings = 2 * file.runs.runs() + 1;
  figures.files = {file, file};
  figures.pages = {2 * pages, 2000, 0, 2000, 2 * pages - 4000, 1000};
  figures.ksm_frames = 1000;
  return figures;
}

TEST(Costs, SavingsAreLessWhatTheyCost) {
  const Costs costs = costs_of(guest_figures(10000, 10), 60000);
  EXPECT_EQ(costs.mappings, 402U);
  EXPECT_EQ(costs.most_mappings, 201U);
  EXPECT_EQ(costs.samepage.saved_bytes, 3000U * 4096);
  EXPECT_EQ(costs.samepage.overhead_bytes, 20000U * 151 / 10 + 400 * 256);
  EXPECT_EQ(costs.ksmd.saved_bytes, (3000U - 8) * 4096) << "a copy for each 256 zero pages";
  EXPECT_EQ(costs.ksmd.overhead_bytes, 64U * (20000 + 1000 + 8 + 1));
  EXPECT_EQ(costs.samepage.net_bytes(), 3000 * 4096 - 302000 - 102400);
}

TEST(Costs, WhatHasNoMappingsStaysUnmerged) {
  const Costs costs = costs_of(guest_figures(10000, 2), 300);
  EXPECT_EQ(costs.guests_over_limit, 2U);
  EXPECT_EQ(costs.unmapped_pages, 2U * (1000 - 150 * 2));
  EXPECT_EQ(costs.samepage.saved_bytes, 2000U * 4096) << "600 pages of 1,000 contents save nothing";
  EXPECT_EQ(costs.mappings, 2002U);
}

TEST(Costs, OfNothingAreNothing) {
  const Costs costs = costs_of({}, 1000);
  EXPECT_EQ(costs.samepage.net_bytes(), 0);
  EXPECT_EQ(costs.ksmd.net_bytes(), 0);
}

}  // namespace
}  // namespace samepage::analyze
