// SPDX-License-Identifier: Apache-2.0
#include "manage/cli/table.hpp"

#include <gtest/gtest.h>

namespace samepage::cli {
namespace {

TEST(Table, ColumnsLineUpAndNumbersAreRightAligned) {
  Table table({{"NAME"}, {"PID", Align::right}, {"STATE"}});
  table.add_row({"web", "7", "running"});
  table.add_row({"database", "12345", "paused"});
  EXPECT_EQ(table.render(),
            "NAME        PID  STATE\n"
            "web           7  running\n"
            "database  12345  paused\n");
}

TEST(Table, MissingCellsAreEmptyAndLinesHaveNoBlanksAtTheirEnds) {
  Table table({{"A"}, {"B"}});
  table.add_row({"long cell"});
  table.add_row({});
  EXPECT_EQ(table.render(), "A          B\nlong cell\n\n");
}

TEST(Table, WithoutTitlesThereIsNoHead) {
  Table table({{""}, {"", Align::right}});
  table.add_row({"saved", "12"});
  EXPECT_EQ(table.render(2), "  saved  12\n");
}

TEST(Table, WithoutRowsOnlyTheHeadIsShown) {
  EXPECT_EQ(Table({{"NAME"}, {"PID", Align::right}}).render(), "NAME  PID\n");
}

}  // namespace
}  // namespace samepage::cli
