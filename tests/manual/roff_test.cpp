// SPDX-License-Identifier: Apache-2.0
#include "manual/roff.hpp"

#include <gtest/gtest.h>

namespace samepage::manual {
namespace {

TEST(Roff, CodeIsBoldAndItsHyphensStayHyphens) {
  EXPECT_EQ(roff_text("give `--mem` a half-hour"), "give \\fB\\-\\-mem\\fR a half-hour");
}

TEST(Roff, ASpanMayGoOnInTheNextLine) {
  EXPECT_EQ(roff_text("`a\nb` **c\nd**"), "\\fBa b\\fR \\fBc\nd\\fR");
}

TEST(Roff, NothingBecomesARequestOrAnEscape) {
  EXPECT_EQ(roff_text(".PP\n'x\na\\b"), "\\&.PP\n\\&'x\na\\eb");
  EXPECT_EQ(roff_code(".so x\n'y'"), "\\&.so x\n\\(aqy\\(aq");
}

TEST(Roff, ALinkOfOursIsItsWordsAnAddressIsShown) {
  EXPECT_EQ(roff_text("see [the manual](manual.md#x), [Keep](https://a-b.org)."),
            "see the manual, Keep (https://a\\-b.org).");
}

TEST(Roff, WhatOnlyLooksLikeASpanStays) {
  EXPECT_EQ(roff_text("a ` b [c] 2 ** 3"), "a ` b [c] 2 ** 3");
}

TEST(Roff, ATablesFirstColumnIsTheTagAndColumnsBetweenAreNamed) {
  Block table;
  table.kind = Block::Kind::table;
  table.rows = {{"knob", "default", "meaning"}, {"`cpu`", "10%", "at most"}, {"", "`errors`", "failures."}};
  EXPECT_EQ(roff_block(table), ".TP\n\\fBcpu\\fR\nDefault: 10%.\nAt most.\n.TP\n\\fBerrors\\fR\nFailures.\n");
}

TEST(Roff, AListAndCode) {
  Block list;
  list.kind = Block::Kind::list;
  list.items = {"a", "b"};
  EXPECT_EQ(roff_block(list), ".IP \\(bu 3\na\n.IP \\(bu 3\nb\n");
  Block code;
  code.kind = Block::Kind::code;
  code.text = "x --y\n";
  EXPECT_EQ(roff_block(code), ".PP\n.RS 4\n.nf\nx \\-\\-y\n.fi\n.RE\n");
}

}  // namespace
}  // namespace samepage::manual
