// SPDX-License-Identifier: Apache-2.0
#include "manage/cli/duplicates.hpp"

#include <gtest/gtest.h>

#include <deque>
#include <vector>

#include "base/types.hpp"

namespace samepage::cli {
namespace {

// Pages whose bytes are all `value`, the last one `last`.
class Pages {
 public:
  void add(int value, int last) {
    std::vector<std::byte>& page = pages_.emplace_back(page_size, std::byte(value));
    page.back() = std::byte(last);
    pointers_.push_back(page.data());
  }
  [[nodiscard]] DuplicateCount count() const { return count_duplicates(pointers_); }

 private:
  std::deque<std::vector<std::byte>> pages_;
  std::vector<const std::byte*> pointers_;
};

TEST(Duplicates, NothingHasNoDuplicates) {
  EXPECT_EQ(count_duplicates({}).all(), 0U);
}

TEST(Duplicates, EveryZeroPageCounts) {
  Pages pages;
  pages.add(0, 0);
  EXPECT_EQ(pages.count().zero_pages, 1U);
  EXPECT_EQ(pages.count().all(), 1U);
}

TEST(Duplicates, OfEqualPagesOneIsNeeded) {
  Pages pages;
  for (int i = 0; i < 5; ++i) pages.add(7, 7);
  EXPECT_EQ(pages.count().distinct_nonzero, 1U);
  EXPECT_EQ(pages.count().all(), 4U);
}

TEST(Duplicates, PagesThatDifferInTheLastByteAreDifferent) {
  Pages pages;
  pages.add(7, 7);
  pages.add(7, 8);
  pages.add(0, 1);
  EXPECT_EQ(pages.count().zero_pages, 0U);
  EXPECT_EQ(pages.count().distinct_nonzero, 3U);
  EXPECT_EQ(pages.count().all(), 0U);
}

TEST(Duplicates, MixedContentsAddUp) {
  Pages pages;
  for (int i = 0; i < 12; ++i) pages.add(i % 4, i % 4);  // three each of 0, 1, 2 and 3
  const DuplicateCount count = pages.count();
  EXPECT_EQ(count.zero_pages, 3U);
  EXPECT_EQ(count.nonzero_pages, 9U);
  EXPECT_EQ(count.distinct_nonzero, 3U);
  EXPECT_EQ(count.all(), 9U);
}

}  // namespace
}  // namespace samepage::cli
