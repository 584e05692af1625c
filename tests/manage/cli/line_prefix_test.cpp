// SPDX-License-Identifier: Apache-2.0
#include "manage/cli/line_prefix.hpp"

#include <gtest/gtest.h>

namespace samepage::cli {
namespace {

TEST(LinePrefix, WaitsForTheEndOfALine) {
  LinePrefix lines("a: ");
  EXPECT_EQ(lines.feed("hel"), "");
  EXPECT_EQ(lines.feed("lo\nwor"), "a: hello\n");
  EXPECT_EQ(lines.finish(), "a: wor\n");
  EXPECT_EQ(lines.finish(), "");
}

TEST(LinePrefix, KeepsEmptyLines) {
  EXPECT_EQ(LinePrefix("a: ").feed("\n\nx\n"), "a: \na: \na: x\n");
}

TEST(LinePrefix, CutsALineThatNeverEnds) {
  LinePrefix lines("");
  const std::string text = lines.feed(std::string(2 * LinePrefix::longest_line, 'x'));
  EXPECT_EQ(text.size(), 2 * (LinePrefix::longest_line + 1));
  EXPECT_EQ(lines.finish(), "");
}

}  // namespace
}  // namespace samepage::cli
