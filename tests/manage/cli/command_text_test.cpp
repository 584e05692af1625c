// SPDX-License-Identifier: Apache-2.0
#include "manage/cli/command_text.hpp"

#include <gtest/gtest.h>

#include "base/check.hpp"

namespace samepage::cli {
namespace {

const CommandText program{"samepage",
                          "",
                          "",
                          {},
                          {{"run", "runs a guest", "", {{"--mem", "SIZE", "RAM", "It's free|cheap."}}, {}}}};

TEST(CommandText, AnOptionIsARowAndABarDoesNotEndItsCell) {
  EXPECT_EQ(option_table(program.commands[0]),
            "| option | meaning |\n| --- | --- |\n| `--mem SIZE` | RAM. It's free\\|cheap. |\n");
}

TEST(CommandText, TheManualsTableIsReplacedAndNothingElse) {
  const std::string manual = "before\n<!-- options of run -->\nold\n<!-- end of options -->\nbehind\n";
  EXPECT_EQ(with_option_tables(manual, program), "before\n<!-- options of run -->\n\n" +
                                                     option_table(program.commands[0]) +
                                                     "\n<!-- end of options -->\nbehind\n");
}

TEST(CommandText, AManualThatIsBrokenIsRefused) {
  EXPECT_THROW(static_cast<void>(with_option_tables("<!-- options of run -->\nold\n", program)), UserError);
  EXPECT_THROW(
      static_cast<void>(with_option_tables("<!-- options of fly -->\n<!-- end of options -->\n", program)),
      UserError);
}

}  // namespace
}  // namespace samepage::cli
