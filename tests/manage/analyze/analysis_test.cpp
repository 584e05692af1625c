// SPDX-License-Identifier: Apache-2.0
#include "manage/analyze/analysis.hpp"

#include <gtest/gtest.h>

#include <random>
#include <string>

#include "base/check.hpp"
#include "tests/manage/analyze/reference.hpp"

namespace samepage::analyze {
namespace {

using test::add_items;
using test::Item;
using test::Items;
using test::lines_of;
using test::Page;
using test::reference_figures;

constexpr std::uint64_t enough = std::uint64_t{1} << 30;
const auto no_pulse = [] {};

// A page that differs from page `number + 1` in its last byte alone, and for some numbers in the first.
Page page_number(std::uint64_t number) {
  Page page(page_size, std::byte{0x5a});
  page.front() = std::byte(number >> 8U);
  page.back() = std::byte(number);
  return page;
}
Item page_item(std::uint64_t number) {
  return {Item::Kind::page, page_number(number), 1};
}
Item zero_item() {
  return {Item::Kind::page, Page(page_size), 1};
}

Figures analyzed(const std::vector<Items>& files, std::size_t piece = 64) {
  Analysis analysis(enough);
  for (const Items& file : files) {
    analysis.begin_file();
    add_items(analysis, file, piece);
  }
  return analysis.finish(no_pulse);
}

Items numbered(const std::vector<std::uint64_t>& numbers) {
  Items items;
  for (const std::uint64_t number : numbers) items.push_back(page_item(number));
  return items;
}

// What a kind of guest's memory is like, in numbers.
struct Shape {
  std::string name;
  unsigned files, items, contents;  // contents: how many there are to choose from
  unsigned in_a_row;                // how many follow each other as in another place
  unsigned zero_percent, hole_percent, gap_percent;
};

Items random_items(const Shape& shape, std::mt19937_64& random) {
  Items items;
  while (items.size() < shape.items) {
    const auto dice = static_cast<unsigned>(random() % 100);
    if (dice < shape.gap_percent) {
      items.push_back({Item::Kind::gap, {}, 1});
    } else if (dice < shape.gap_percent + shape.hole_percent) {
      items.push_back({Item::Kind::hole, {}, random() % 100 + 1});
    } else if (dice < shape.gap_percent + shape.hole_percent + shape.zero_percent) {
      items.push_back(zero_item());
    } else {
      const std::uint64_t first = random() % shape.contents;
      const std::uint64_t count = random() % shape.in_a_row + 1;
      for (std::uint64_t i = 0; i < count; ++i) items.push_back(page_item(first + i));
    }
  }
  return items;
}

TEST(Analysis, RandomFilesOfManyShapesAreAsThePlainCountSays) {
  const std::vector<Shape> shapes{
      {"one file", 1, 300, 200, 4, 20, 2, 2},
      {"much in common", 5, 200, 150, 8, 20, 5, 2},
      {"little in common", 5, 200, 60000, 3, 10, 0, 0},
      {"one content", 3, 400, 1, 1, 10, 5, 5},
      {"two contents", 4, 700, 2, 2, 5, 0, 1},
      {"holes", 3, 100, 50, 2, 10, 60, 10},
      {"long runs", 4, 400, 400, 90, 5, 1, 1},
      {"many files", 20, 30, 100, 3, 20, 5, 2},
      {"empty files", 3, 0, 1, 1, 0, 0, 0},
  };
  std::mt19937_64 random(7);
  for (const Shape& shape : shapes) {
    for (int round = 0; round < 5; ++round) {
      std::vector<Items> files;
      for (unsigned i = 0; i < shape.files; ++i) files.push_back(random_items(shape, random));
      EXPECT_EQ(lines_of(analyzed(files, random() % 150 + 1)), lines_of(reference_figures(files)))
          << shape.name << ", round " << round;
    }
  }
}

TEST(Analysis, NothingIsNothing) {
  EXPECT_EQ(analyzed({}).pages.pages, 0U);
  EXPECT_EQ(analyzed({{}, {}}).files.size(), 2U);
}

TEST(Analysis, FramesAreNumberedInTheOrderOfFirstSightingWithoutWhatIsUnique) {
  // 1 and 3 are neighbours among the frames, since 2 is unique: they are a run where they are side by side.
  const Figures figures = analyzed({numbered({1, 2, 3}), numbered({1, 3}), numbered({3, 1})});
  EXPECT_EQ(figures.pages.frames, 2U);
  EXPECT_EQ(figures.files[0].runs.runs(), 2U);
  EXPECT_EQ(figures.files[1].runs.runs(), 1U);
  EXPECT_EQ(figures.files[2].runs.runs(), 2U);
}

TEST(Analysis, ZerosAndGapsEndARun) {
  Items parted = numbered({1});
  parted.push_back(zero_item());
  parted.push_back(page_item(2));
  parted.push_back({Item::Kind::gap, {}, 1});
  parted.push_back(page_item(3));
  const Figures figures = analyzed({numbered({1, 2, 3}), parted});
  EXPECT_EQ(figures.files[0].runs.runs(), 1U);
  EXPECT_EQ(figures.files[1].runs.runs(), 3U);
}

TEST(Analysis, MappingsAreRunsAndWhatLiesBetweenThem) {
  Items file{zero_item(), page_item(1), page_item(2), zero_item(), page_item(9), page_item(3)};
  const Figures figures = analyzed({file, numbered({1, 2, 3})});
  EXPECT_EQ(figures.files[0].mappings, 4U) << "zero, 1-2, zero and 9, 3";
  EXPECT_EQ(figures.files[1].mappings, 1U);
}

TEST(Analysis, AFilesFirstZerosAreAMappingWhateverTheFileBeforeEndsWith) {
  const Figures figures = analyzed({{page_item(1), zero_item()}, {zero_item(), page_item(1)}});
  EXPECT_EQ(figures.files[0].mappings, 2U);
  EXPECT_EQ(figures.files[1].mappings, 2U);
}

TEST(Analysis, AContentOfManyPagesInARowTakesFewMappings) {
  const Figures figures = analyzed({numbered(std::vector<std::uint64_t>(640, 5))});
  EXPECT_EQ(figures.files[0].runs.runs(), 640U);
  EXPECT_LE(figures.files[0].mappings, 21U);
  EXPECT_GE(figures.files[0].mappings, 20U);
  EXPECT_EQ(figures.dup_frames, 31U);
  EXPECT_EQ(figures.ksm_frames, 3U);
}

TEST(Analysis, ManyContentsMakeTheTableGrow) {
  constexpr std::uint64_t many = 60000;
  Analysis analysis(enough);
  for (int file = 0; file < 2; ++file) {
    analysis.begin_file();
    for (std::uint64_t number = 0; number < many; ++number) analysis.add_pages(page_number(number));
  }
  const Figures figures = analysis.finish(no_pulse);
  EXPECT_EQ(figures.pages.frames, many);
  EXPECT_EQ(figures.pages.shared_pages, 2 * many);
  EXPECT_EQ(figures.files[1].runs.runs(), 1U);
  EXPECT_EQ(figures.pairs.at(0).frames, many);
}

TEST(Analysis, TakesNoMoreMemoryThanItSays) {
  Analysis analysis(enough);
  analysis.begin_file();
  const std::uint64_t before = analysis.memory_bytes();
  std::uint64_t pages = 0, most = 0;
  for (; pages < 60000; ++pages) {
    analysis.add_pages(page_number(pages));
    if (pages > 10000) most = std::max(most, (analysis.memory_bytes() - before) / pages);
  }
  EXPECT_LE(most, most_bytes_a_page);
  const std::uint64_t distinct = analysis.memory_bytes();
  for (std::uint64_t i = 0; i < pages; ++i) analysis.add_pages(page_number(i));
  EXPECT_EQ(analysis.memory_bytes() - distinct, 4 * pages);
  analysis.add_hole(PageCount{1U << 30U});
  EXPECT_LE(analysis.memory_bytes() - distinct, 4 * pages + 4);
}

TEST(Analysis, EndsBeforeTheLimitOfMemoryIsPassed) {
  constexpr std::uint64_t limit = 256U << 10U;
  Analysis analysis(limit);
  analysis.begin_file();
  std::uint64_t pages = 0;
  try {
    for (; pages < 65000; ++pages) analysis.add_pages(page_number(pages));
    FAIL() << "no limit";
  } catch (const UserError& error) {
    EXPECT_NE(std::string(error.what()).find("--memory"), std::string::npos);
  }
  EXPECT_GT(pages, limit / (2 * most_bytes_a_page));
  EXPECT_LE(analysis.memory_bytes(), limit);
}

TEST(Analysis, FinishingCanBeInterrupted) {
  Analysis analysis(enough);
  analysis.begin_file();
  analysis.add_pages(page_number(1));
  EXPECT_THROW(analysis.finish([] { throw UserError("enough"); }), UserError);
}

}  // namespace
}  // namespace samepage::analyze
