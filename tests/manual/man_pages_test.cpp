// SPDX-License-Identifier: Apache-2.0
#include "manual/man_pages.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cctype>
#include <fstream>
#include <iterator>

#include "base/check.hpp"
#include "dedup/daemon/options.hpp"
#include "manual/programs.hpp"

namespace samepage::manual {
namespace {

using cli::CommandText;
using cli::OptionText;
using testing::HasSubstr;
using testing::Not;

const OptionText help{"-h,--help", "", "Print this", ""};
const Programs tiny{
    CommandText{
        "samepage",
        "Runs guests",
        "",
        {help},
        {CommandText{"run", "Run a guest", "", {help, {"--mem", "SIZE", "RAM", "It's free."}}, {}},
         CommandText{"image", "Images", "", {help}, {CommandText{"list", "List them", "", {help}, {}}}}}},
    CommandText{"samepaged", "the daemon", "", {help, {"--socket", "PATH", "where", ""}}, {}}};
const std::string rows =
    "| command | what it does | `--json` |\n| --- | --- | --- |\n| `run IMAGE [-a] [-- WORDS]` | runs a "
    "guest | |\n"
    "| `image list` | lists images | yes |\n\n| command | JSON |\n| --- | --- |\n| `image list` | a list "
    "|\n\n";

std::string page(const std::string& name, const std::string& manual = rows, const Programs& programs = tiny) {
  return man_pages(manual, programs, {"1.0", "2026-01-31"}).at(name);
}

TEST(ManPages, ACommandsPageHasItsUsageTextAndOptions) {
  const std::string run = page("samepage-run.1");
  EXPECT_THAT(run, HasSubstr(".TH SAMEPAGE\\-RUN 1 2026-01-31 \"Samepage 1.0\""));
  EXPECT_THAT(run, HasSubstr(".SH SYNOPSIS\n.B samepage run\n[OPTION...] IMAGE [\\-\\- WORDS]\n"));
  EXPECT_THAT(run, HasSubstr("Runs a guest.\n"));
  EXPECT_THAT(run, HasSubstr(".TP\n\\fB\\-\\-mem\\fR \\fISIZE\\fR\nRAM.\nIt's free.\n"));
}

TEST(ManPages, CommandsOfACommandAreOnItsPage) {
  const std::string image = page("samepage-image.1");
  EXPECT_THAT(image, HasSubstr(".B samepage image list\n"));
  EXPECT_THAT(image, HasSubstr(".SH JSON\n\\fBimage list\\fR: A list.\n"));
  EXPECT_THAT(page("samepage-run.1"), Not(HasSubstr(".SH JSON")));
}

TEST(ManPages, ASectionIsOnThePagesThatItNames) {
  const std::string manual =
      rows + "## Memory use\n<!-- man: samepage-run(1) -->\n\ntext\n\n### Part\n\nmore\n\n## Other\n\nno\n";
  const std::string run = page("samepage-run.1", manual);
  EXPECT_THAT(run, HasSubstr(".SH \"MEMORY USE\"\ntext\n.SS \"Part\"\nmore\n"));
  EXPECT_THAT(run, Not(HasSubstr("OTHER")));
  EXPECT_THAT(page("samepage-image.1", manual), Not(HasSubstr("MEMORY USE")));
}

TEST(ManPages, TheProgramsOwnPageBeginsWithItsFirstSection) {
  const std::string manual = rows + "## What it is\n<!-- man: samepage(1) samepaged(8) -->\n\ntext\n";
  EXPECT_THAT(page("samepage.1", manual),
              HasSubstr(".SH DESCRIPTION\ntext\n.SH COMMANDS\n.TP\n\\fBsamepage\\-run\\fR(1)"));
  EXPECT_THAT(page("samepaged.8", manual), HasSubstr(".SH DESCRIPTION\ntext\n.SH OPTIONS\n"));
}

TEST(ManPages, ACommandWithoutTextIsRefused) {
  EXPECT_THROW(static_cast<void>(page("samepage.1", "| command | what it does |\n| `run IMAGE` | runs |\n")),
               UserError);
  EXPECT_THROW(static_cast<void>(page("samepage.1", rows + "## A\n<!-- man: samepage-fly(1) -->\n")),
               UserError);
}

std::string our_manual() {
  std::ifstream file(SAMEPAGE_MANUAL);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST(ManPages, OurManualHasTextForEachOfOurCommands) {
  const Programs programs = our_programs();
  const auto pages = man_pages(our_manual(), programs, {"1.0", "2026-01-31"});
  EXPECT_EQ(pages.size(), programs.samepage.commands.size() + 2);
  for (const auto& [name, text] : pages) {
    EXPECT_THAT(text, HasSubstr(".SH DESCRIPTION\n")) << name;
    EXPECT_THAT(text, HasSubstr(".SH OPTIONS\n.")) << name;
  }
}

TEST(ManPages, OurManualHasTheOptionsThatThereAre) {
  const std::string manual = our_manual();
  EXPECT_THAT(manual, HasSubstr("<!-- options of run -->"));
  EXPECT_THAT(manual, HasSubstr("<!-- options of samepaged -->"));
  EXPECT_EQ(manual, with_option_tables(manual, our_programs()))
      << "run build/dev/bin/samepage-manual docs/manual.md";
}

// The parser's own text of what an option takes has the values behind the words, whatever they are.
TEST(Help, OfTheDaemonIsText) {
  CLI::App app;
  dedup::Options options;
  dedup::declare_options(app, options);
  const std::string help_text = app.help();
  EXPECT_THAT(help_text, HasSubstr("--confine on|off"));
  EXPECT_TRUE(std::all_of(help_text.begin(), help_text.end(), [](char c) {
    return c == '\n' || std::isprint(static_cast<unsigned char>(c)) != 0;
  })) << help_text;
}

}  // namespace
}  // namespace samepage::manual
