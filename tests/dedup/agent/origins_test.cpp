// SPDX-License-Identifier: Apache-2.0
#include "dedup/agent/origins.hpp"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstring>
#include <vector>

#include "base/check.hpp"
#include "base/laid_over.hpp"

namespace samepage::dedup {
namespace {

BackedRun run(std::uint32_t first, std::uint32_t count, std::uint64_t page_in_file, int file) {
  return {{{first}, count}, PageCount{page_in_file}.bytes(), file};
}

// The file that each of the first pages is in, and the page of it.
std::vector<std::pair<int, std::uint64_t>> places(const std::vector<BackedRun>& runs) {
  std::vector<std::pair<int, std::uint64_t>> all(32, {-1, 0});
  for (const BackedRun& one : runs) {
    for (const PageIndex page : one.pages) all.at(page.value) = {one.file, one.offset_of(page) / page_size};
  }
  return all;
}

TEST(LaidOver, EachPageIsWhereTheUpperOneHasItElseTheLowerOne) {
  const std::vector<std::vector<BackedRun>> sets{
      {},
      {run(0, 32, 100, 1)},
      {run(4, 4, 104, 1), run(8, 2, 300, 1), run(20, 12, 0, 2)},
      {run(0, 1, 5, 3), run(7, 1, 5, 3), run(9, 14, 50, 3)},
      {run(5, 2, 700, 4), run(31, 1, 1, 4)},
  };
  for (const auto& below : sets) {
    for (const auto& above : sets) {
      auto wanted = places(below);
      const auto upper = places(above);
      for (std::size_t page = 0; page < wanted.size(); ++page) {
        if (upper[page].first >= 0) wanted[page] = upper[page];
      }
      const std::vector<BackedRun> both = laid_over<BackedRun>(below, above);
      EXPECT_EQ(places(both), wanted);
      for (std::size_t i = 1; i < both.size(); ++i) {
        EXPECT_LE(both[i - 1].pages.end(), both[i].pages.first);
        EXPECT_FALSE(continues(both[i - 1], both[i])) << "what lies side by side is one run";
      }
    }
  }
}

// A file of pages, each full of its own byte.
class OriginsTest : public testing::Test {
 protected:
  static UniqueFd file_of(const char* bytes) {
    UniqueFd file = checked_fd(::memfd_create("origin", MFD_CLOEXEC), "memfd_create");
    for (const char* byte = bytes; *byte != 0; ++byte) {
      const std::vector<char> page(page_size, *byte);
      EXPECT_EQ(::write(file.get(), page.data(), page.size()), static_cast<ssize_t>(page.size()));
    }
    return file;
  }
  static std::vector<std::byte> page(char byte) { return std::vector<std::byte>(page_size, std::byte(byte)); }
  void fork(const UniqueFd& file, std::vector<BackedRun> runs) {
    origins_.forked(checked_fd(::dup(file.get()), "dup"), figures_of_file(file.get()), std::move(runs));
  }
  [[nodiscard]] bool same(std::uint32_t number, char byte) {
    return origins_.same({number}, page(byte).data()).has_value();
  }

  Origins origins_;
};

TEST_F(OriginsTest, OnlyAPageOfTheFileWithAllItsBytesIsTheSame) {
  const UniqueFd file = file_of("abc");
  origins_.start({run(10, 3, 0, file.get())});
  auto b = page('b');
  const auto found = origins_.same({11}, b.data());
  ASSERT_TRUE(found);
  EXPECT_EQ(found->pages, (PageRange{{11}, 1}));
  EXPECT_EQ(found->offset, page_size);
  EXPECT_EQ(found->file, file.get());
  EXPECT_FALSE(origins_.same({10}, b.data()));
  EXPECT_FALSE(origins_.same({9}, b.data()));
  EXPECT_FALSE(origins_.same({13}, b.data()));
  b.back() = std::byte{0};
  EXPECT_FALSE(origins_.same({11}, b.data()));
}

TEST_F(OriginsTest, AForkInTheSameFileAddsToTheFormerOneAndOneInAnotherFileTakesItsPlace) {
  const UniqueFd first = file_of("abcABC"), second = file_of("xyz");
  fork(first, {run(0, 3, 0, first.get())});
  fork(first, {run(1, 1, 4, first.get())});
  EXPECT_TRUE(same(0, 'a'));
  EXPECT_TRUE(same(1, 'B'));
  EXPECT_FALSE(same(1, 'b')) << "as it was before the last one";
  fork(second, {run(0, 2, 0, second.get())});
  EXPECT_TRUE(same(0, 'x'));
  EXPECT_FALSE(same(0, 'a'));
  EXPECT_FALSE(same(2, 'c'));
}

TEST_F(OriginsTest, AFileThatIsTooShortHoldsNothing) {
  const UniqueFd file = file_of("ab");
  origins_.start({run(0, 4, 0, file.get())});
  EXPECT_FALSE(same(2, 'c'));
  EXPECT_FALSE(same(3, '\0'));
}

}  // namespace
}  // namespace samepage::dedup
