// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>

#include "manual/completion.hpp"

namespace samepage::manual {
namespace {

using cli::CommandText;
using cli::OptionText;

constexpr const char* head = R"zsh(#compdef {0}
# zsh completion for {0}. Made by samepage-manual from the options of the program.

_{0}_guests() {{
  local -a names=(${{${{${{(f)"$(_call_program guests samepage ps 2>/dev/null)"}}[2,-1]}}%% *}})
  compadd "$@" -a names
}}

_{0}_images() {{
  local -a names=(${{${{${{(f)"$(_call_program images samepage image list 2>/dev/null)"}}[2,-1]}}%% *}})
  compadd "$@" -a names
  _files
}}

)zsh";

// Within single quotes, and where brackets and colons have a meaning.
std::string quoted(const std::string& text) {
  std::string result;
  for (const char letter : text) {
    if (letter == '\'') {
      result += "'\\''";
    } else {
      if (letter == '[' || letter == ']' || letter == ':' || letter == '\\') result += '\\';
      result += letter;
    }
  }
  return result;
}

std::string action(const std::string& program, const Candidates& candidates) {
  switch (candidates.kind) {
    case Candidates::Kind::nothing:
      return " ";
    case Candidates::Kind::file:
      return "_files";
    case Candidates::Kind::guest:
      return "_" + program + "_guests";
    case Candidates::Kind::image:
      return "_" + program + "_images";
    case Candidates::Kind::user:
      return "_users";
    case Candidates::Kind::words:
      break;
  }
  std::string words;
  for (const std::string& word : candidates.words) words += (words.empty() ? "(" : " ") + word;
  return words + ")";
}

std::string arguments(const std::string& program, const CommandText& command) {
  std::string specs;
  for (const OptionText& option : command.options) {
    const std::string value = fmt::format(":{}:{}", quoted(option.type.empty() ? option.name : option.type),
                                          action(program, candidates(option)));
    if (!option.name.starts_with('-')) {
      specs += fmt::format(" \\\n    '{}{}'", option.repeated ? "*" : "", value);
      continue;
    }
    const std::size_t comma = option.name.find(',');
    for (const std::string& name :
         {option.name.substr(0, comma),
          comma == std::string::npos ? std::string() : option.name.substr(comma + 1)}) {
      if (name.empty()) continue;
      specs += fmt::format(" \\\n    '{}{}[{}]{}'", option.repeated ? "*" : "", name, quoted(option.help),
                           option.type.empty() ? "" : value);
    }
  }
  return specs;
}

std::string function_of(const CommandText& command, const std::string& before) {
  std::string name = before + "_" + command.name;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

// Functions for all below a command, then its own.
void add_function(std::string& script, const std::string& program, const CommandText& command,
                  const std::string& before) {
  const std::string name = function_of(command, before);
  for (const CommandText& below : command.commands) add_function(script, program, below, name);
  script += name + "() {\n";
  if (command.commands.empty()) {
    script += "  _arguments -s" + arguments(program, command) + "\n}\n\n";
    return;
  }
  script += "  local context state state_descr line\n  typeset -A opt_args\n  _arguments -C" +
            arguments(program, command) +
            " \\\n    '1:command:->command' \\\n    '*::word:->rest'\n  case $state in\n    command)\n"
            "      local -a commands=(\n";
  for (const CommandText& below : command.commands)
    script += fmt::format("        '{}:{}'\n", below.name, quoted(below.help));
  script += "      )\n      _describe command commands\n      ;;\n    rest)\n      case $words[1] in\n";
  for (const CommandText& below : command.commands)
    script += fmt::format("        {}) {} ;;\n", below.name, function_of(below, name));
  script += "      esac\n      ;;\n  esac\n}\n\n";
}

}  // namespace

std::string zsh_completion(const CommandText& program) {
  std::string script = fmt::format(head, program.name);
  add_function(script, program.name, program, "");
  return script + "_" + program.name + " \"$@\"\n";
}

}  // namespace samepage::manual
