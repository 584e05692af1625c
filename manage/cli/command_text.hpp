// SPDX-License-Identifier: Apache-2.0
// What the program's help says, as values: the manual is made from it.
#pragma once

#include <string>
#include <vector>

#include "manage/cli/command.hpp"

namespace samepage::cli {

struct OptionText {
  std::string name;     // "--mem"; "-a,--all"; "GUEST" where it is a word
  std::string type;     // how its value is written; empty for a flag
  std::string help;     // as --help prints it
  std::string details;  // for the manual alone, Markdown
  bool repeated = false;
};

struct CommandText {
  std::string name;
  std::string help;
  std::string footer;
  std::vector<OptionText> options;
  std::vector<CommandText> commands;
};

/// The program `samepage` with all its commands.
[[nodiscard]] CommandText command_texts();

/// What any parser says. `details`: see Command::details().
[[nodiscard]] CommandText text_of(const CLI::App& app, const Details& details = {});

/// A table of the command's options, in Markdown.
[[nodiscard]] std::string option_table(const CommandText& command);

/// The manual with fresh tables: what stands between the lines "<!-- options of COMMAND -->" and
/// "<!-- end of options -->" is replaced. Throws UserError where a line is missing or the command is unknown.
[[nodiscard]] std::string with_option_tables(const std::string& manual, const CommandText& program);

}  // namespace samepage::cli
