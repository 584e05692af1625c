// SPDX-License-Identifier: Apache-2.0
#include "manage/cli/known_words.hpp"

#include <fmt/format.h>

#include <CLI/Error.hpp>

#include "manage/cli/spelling.hpp"

namespace samepage::cli {
namespace {

const CLI::App* find_command(const CLI::App& app, const std::string& name) {
  for (const CLI::App* command : app.get_subcommands(nullptr)) {
    if (command->get_name() == name) return command;
  }
  return nullptr;
}

std::vector<std::string> commands_of(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* command : app.get_subcommands(nullptr)) names.push_back(command->get_name());
  return names;
}

// Those that the help shows.
std::vector<std::string> options_of(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::Option* option : app.get_options()) {
    if (option->get_group().empty()) continue;
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  }
  return names;
}

[[noreturn]] void refuse(const std::string& what, const std::string& prefix, const std::string& likely) {
  throw CLI::ValidationError(likely.empty() ? what
                                            : fmt::format("{}; did you mean '{}{}'?", what, prefix, likely));
}

// Where words lead to: the last command, its name in full and how many of the words it took.
struct Place {
  const CLI::App* command;
  std::string name;
  std::size_t words = 0;
};

Place place_of(const CLI::App& app, const std::vector<std::string>& words) {
  Place place{&app, app.get_name(), 0};
  while (place.words < words.size()) {
    const CLI::App* const next = find_command(*place.command, words[place.words]);
    if (next == nullptr) break;
    place.command = next;
    place.name += " " + words[place.words++];
  }
  return place;
}

}  // namespace

std::string command_of(const CLI::App& app, const std::vector<std::string>& words) {
  return place_of(app, words).name;
}

void require_known_words(const CLI::App& app, const std::vector<std::string>& words) {
  const Place place = place_of(app, words);
  const std::vector<std::string> commands = commands_of(*place.command);
  if (!commands.empty() && place.words < words.size() && !words[place.words].starts_with('-')) {
    const std::string& word = words[place.words];
    refuse(fmt::format("there is no command '{} {}'", place.name, word), place.name + " ",
           likely_word(word, commands));
  }
  for (std::size_t i = place.words; i < words.size(); ++i) {
    if (!words[i].starts_with("--") || words[i].size() == 2) continue;
    const std::string name = words[i].substr(0, words[i].find('='));
    if (place.command->get_option_no_throw(name) != nullptr) continue;
    refuse(fmt::format("'{}' has no option '{}'", place.name, name), "",
           likely_word(name, options_of(*place.command)));
  }
}

}  // namespace samepage::cli
