// SPDX-License-Identifier: Apache-2.0
// What a parser knows of its program, as values.
#include <CLI/CLI.hpp>

#include "manage/cli/command_text.hpp"

namespace samepage::cli {
namespace {

OptionText text_of(const CLI::App& command, const CLI::Option& option, const Details& details) {
  const bool word = option.get_positional();
  OptionText text;
  text.name = option.get_name(word, true);
  const std::string type = option.get_items_expected_max() == 0 ? "" : option.get_type_name();
  text.type = type.substr(0, type.find(':'));  // behind it the parser tells what it checks
  text.help = option.get_description();
  const auto found = details.find({&command, option.get_name()});
  if (found != details.end()) text.details = found->second;
  text.repeated = option.get_items_expected_max() > 1 ||
                  option.get_multi_option_policy() == CLI::MultiOptionPolicy::TakeAll;
  return text;
}

}  // namespace

CommandText text_of(const CLI::App& command, const Details& details) {
  CommandText text{command.get_name(), command.get_description(), command.get_footer(), {}, {}};
  for (const CLI::Option* option : command.get_options()) {
    if (option->get_group().empty() || option == command.get_help_all_ptr()) continue;
    text.options.push_back(text_of(command, *option, details));
  }
  for (const CLI::App* below : command.get_subcommands({})) text.commands.push_back(text_of(*below, details));
  return text;
}

}  // namespace samepage::cli
