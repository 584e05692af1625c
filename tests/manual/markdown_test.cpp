// SPDX-License-Identifier: Apache-2.0
#include "manual/markdown.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/check.hpp"

namespace samepage::manual {
namespace {

using Kind = Block::Kind;
using testing::ElementsAre;

TEST(Markdown, HeadingsKnowTheirLevelAndTheirPages) {
  const auto blocks = parse_markdown("# A\n\n## B c\n<!-- man: samepage(1) samepage-run(1) -->\n\ntext\n");
  ASSERT_EQ(blocks.size(), 3U);
  EXPECT_EQ(blocks[0].level, 1U);
  EXPECT_EQ(blocks[1].level, 2U);
  EXPECT_EQ(blocks[1].text, "B c");
  EXPECT_THAT(blocks[1].pages, ElementsAre("samepage(1)", "samepage-run(1)"));
  EXPECT_EQ(blocks[2].kind, Kind::paragraph);
}

TEST(Markdown, ABlankLineMayStandBeforeTheMark) {
  EXPECT_THAT(parse_markdown("## B\n\n<!-- man: a(1) -->\n").at(0).pages, ElementsAre("a(1)"));
}

TEST(Markdown, AMarkElsewhereIsRefused) {
  EXPECT_THROW(static_cast<void>(parse_markdown("text\n<!-- man: a(1) -->\n\n<!-- man: b(1) -->\n")),
               UserError);
}

TEST(Markdown, ATableHasRowsOfCellsAndABarMayBeEscaped) {
  const auto blocks = parse_markdown("| a | b |\n| --- | --- |\n| `x\\|y` | |\ntext\n");
  ASSERT_EQ(blocks.size(), 2U);
  EXPECT_THAT(blocks[0].rows, ElementsAre(ElementsAre("a", "b"), ElementsAre("`x|y`", "")));
}

TEST(Markdown, ItemsOfAListMayHaveSeveralLines) {
  const auto blocks = parse_markdown("before:\n- one\n  more\n- two\n\n1. first\n12. twelfth\n");
  ASSERT_EQ(blocks.size(), 3U);
  EXPECT_EQ(blocks[0].text, "before:");
  EXPECT_THAT(blocks[1].items, ElementsAre("one\nmore", "two"));
  EXPECT_THAT(blocks[2].items, ElementsAre("first", "twelfth"));
}

TEST(Markdown, CodeKeepsItsLinesAndItsBlankLines) {
  const auto blocks = parse_markdown("text\n\n    a\n\n      b\n\n\nmore\n");
  ASSERT_EQ(blocks.size(), 3U);
  EXPECT_EQ(blocks[1].kind, Kind::code);
  EXPECT_EQ(blocks[1].text, "a\n\n  b\n");
}

TEST(Markdown, TablesOfOptionsAreLeftOut) {
  EXPECT_TRUE(
      parse_markdown("<!-- options of run -->\n\n| option | meaning |\n\n<!-- end of options -->\n").empty());
  EXPECT_THROW(static_cast<void>(parse_markdown("<!-- options of run -->\n| option |\n")), UserError);
}

}  // namespace
}  // namespace samepage::manual
