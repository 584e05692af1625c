// SPDX-License-Identifier: Apache-2.0
#include "manage/cli/progress_line.hpp"

#include <gtest/gtest.h>

namespace samepage::cli {
namespace {

constexpr std::size_t wide = 80;

TEST(ProgressLine, ABarIsAsFullAsTheWorkIsDone) {
  EXPECT_EQ(progress_line("read", {0, 100}, wide), "[" + std::string(30, ' ') + "] read");
  EXPECT_EQ(progress_line("read", {50, 100}, wide),
            "[" + std::string(15, '#') + std::string(15, ' ') + "] read");
  EXPECT_EQ(progress_line("read", {99, 100}, wide), "[" + std::string(29, '#') + " ] read")
      << "it is full when all is done, and not before";
  EXPECT_EQ(progress_line("read", {100, 100}, wide), "[" + std::string(30, '#') + "] read");
}

TEST(ProgressLine, MoreThanAllIsAFullBar) {
  EXPECT_EQ(progress_line("", {7, 5}, wide), "[" + std::string(30, '#') + "] ");
  EXPECT_EQ(progress_line("", {UINT64_MAX, UINT64_MAX - 1}, wide), "[" + std::string(30, '#') + "] ");
}

TEST(ProgressLine, WhereTheWholeIsNotKnownThereIsTheTextAlone) {
  EXPECT_EQ(progress_line("read 3 GiB", {3, 0}, wide), "read 3 GiB");
}

TEST(ProgressLine, TheBarIsNarrowerWhereTheTerminalIs) {
  EXPECT_EQ(progress_line("text", {1, 2}, 20), "[######      ] text");
  EXPECT_EQ(progress_line("text", {1, 2}, 16), "[####    ] text");
  EXPECT_EQ(progress_line("text", {1, 2}, 15), "text");
}

TEST(ProgressLine, NeverReachesTheLastColumn) {
  for (std::size_t columns = 0; columns < 120; ++columns) {
    for (std::size_t text = 0; text < 90; text += 7) {
      for (const std::uint64_t part : {0U, 1U, 3U}) {
        const std::string line = progress_line(std::string(text, 't'), {part, 3}, columns);
        EXPECT_LT(line.size(), std::max<std::size_t>(columns, 1)) << columns << " columns, text of " << text;
      }
    }
  }
}

}  // namespace
}  // namespace samepage::cli
