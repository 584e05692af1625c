// SPDX-License-Identifier: Apache-2.0
#include "bench/memory_set.hpp"

#include <gtest/gtest.h>

#include "base/json.hpp"
#include "bench/floor.hpp"

namespace samepage::bench {
namespace {

// A letter is a content, a dot a zero page.
PageNames names(std::string_view pages) {
  PageNames names;
  for (const char letter : pages) {
    names.push_back(letter == '.' ? PageName() : dedup::WideHash{static_cast<std::uint64_t>(letter), 0});
  }
  return names;
}

MemorySet set_of(std::initializer_list<std::string_view> guests) {
  std::vector<PageNames> all;
  for (const std::string_view guest : guests) all.push_back(names(guest));
  return memory_set_of(all);
}

std::string runs_of(const std::vector<SetRun>& runs) {
  std::string text;
  for (const SetRun& run : runs) {
    text += std::to_string(run.page) + "+" + std::to_string(run.count) +
            (run.frame ? ">" + std::to_string(*run.frame) : "") + " ";
  }
  return text;
}

TEST(MemorySet, TellsZeroSharedAndUniquePages) {
  const SetFigures set = set_of({"..abc", ".abxa"}).figures;
  EXPECT_EQ(set.guests, 2U);
  EXPECT_EQ(set.pages, 10U);
  EXPECT_EQ(set.zero_pages, 3U);
  EXPECT_EQ(set.shared_pages, 5U);
  EXPECT_EQ(set.frames, 2U);
  EXPECT_EQ(set.unique_pages, 2U);
  EXPECT_EQ(set.saved_pages(), 6U);
}

TEST(MemorySet, ARunIsWhatOneCallOrOneMappingCanDo) {
  const MemorySet set = set_of({"..abc.", "abcxab", "cba"});
  EXPECT_EQ(runs_of(set.guests[0]), "0+2 2+3>0 5+1 ");
  EXPECT_EQ(runs_of(set.guests[1]), "0+3>0 4+2>0 ");
  EXPECT_EQ(runs_of(set.guests[2]), "0+1>2 1+1>1 2+1>0 ");
  EXPECT_EQ(set.figures.runs, 6U);
}

TEST(MemorySet, EqualPagesOfOneGuestAreShared) {
  const MemorySet set = set_of({"aa"});
  EXPECT_EQ(set.figures.shared_pages, 2U);
  EXPECT_EQ(set.figures.frames, 1U);
  EXPECT_EQ(runs_of(set.guests[0]), "0+1>0 1+1>0 ");
}

TEST(MemorySet, NothingIsInNoGuests) {
  const SetFigures set = memory_set_of(std::vector<PageNames>()).figures;
  EXPECT_EQ(set.pages, 0U);
  EXPECT_EQ(text_of(set),
            "0 guests, 0 pages: 0 zero (0.0 %), 0 unique (0.0 %),\n"
            "0 shared (0.0 %) over 0 frames in 0 runs of 0.0");
}

TEST(MemorySet, AGeneratedSetIsWhatItsPatternSays) {
  const ImagePattern pattern{.pages = {200}};
  const std::vector<Image> images{{pattern, 0}, {pattern, 1}};
  const SetFigures set = memory_set_of(images).figures;
  EXPECT_EQ(set.zero_pages, 200U);
  EXPECT_EQ(set.shared_pages, 140U);
  EXPECT_EQ(set.frames, 70U);
  EXPECT_EQ(set.unique_pages, 60U);
  EXPECT_EQ(set.saved_pages(), count_sharable(images));
}

TEST(Floor, MediansArePartByPart) {
  using std::chrono::nanoseconds;
  const std::vector<Floor> floors{{nanoseconds(1), nanoseconds(9), nanoseconds(2)},
                                  {nanoseconds(2), nanoseconds(8), nanoseconds(2)},
                                  {nanoseconds(3), nanoseconds(7), nanoseconds(5)}};
  const Floor median = median_of(floors);
  EXPECT_EQ(median.read.count(), 2);
  EXPECT_EQ(median.give_back.count(), 8);
  EXPECT_EQ(median.map.count(), 2);
  EXPECT_EQ(median.total().count(), 12);
}

}  // namespace
}  // namespace samepage::bench
