// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "manual/completion.hpp"

namespace samepage::manual {
namespace {

using cli::CommandText;
using cli::OptionText;

// The frame: {0} is the program, {1} commands that have commands, {2} values of options, {3} what a command
// takes. bash makes words of its own of "=" in the command line, which is put right first.
constexpr const char* script =
    R"bash(# bash completion for {0}. Made by samepage-manual from the options of the program.
_{0}_names() {{ # PROGRAM COMMAND...: the first column of a table
  "$@" 2>/dev/null | {{
    read -r _
    while read -r name _; do
      if [[ -z "$name" ]]; then break; fi
      echo "$name"
    done
  }}
}}

_{0}() {{
  local program="${{1/#\~\//$HOME/}}" word="$2" previous="$3" command="" i position=0
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "${{COMP_WORDS[i]}}" in
      --) return ;; # the guest's own words
      -*) continue ;;
    esac
    case "$command" in
      ""{1}) command="${{command:+$command }}${{COMP_WORDS[i]}}" ;;
      *) position=$((position + 1)) ;;
    esac
  done
  if [[ "$word" == "=" ]]; then
    word=""
  elif [[ "$previous" == "=" ]]; then
    previous="${{COMP_WORDS[COMP_CWORD - 2]}}"
  fi

  local options="" words="" kind=""
  case "$command $previous" in
{2}    *)
      case "$command" in
{3}      esac
      ;;
  esac
  if [[ "$word" == -* ]]; then kind="" words="$options"; fi
  case "$kind" in
    guest) words="$(_{0}_names "$program" ps)" ;;
    image) words="$(_{0}_names "$program" image list)" ;;&
    image | file)
      compopt -o filenames 2>/dev/null
      mapfile -t COMPREPLY < <(compgen -f -- "$word")
      ;;
    user) words="$(compgen -u)" ;;
  esac
  if [[ "$words" == *= ]]; then compopt -o nospace 2>/dev/null; fi
  mapfile -t -O "${{#COMPREPLY[@]}}" COMPREPLY < <(compgen -W "$words" -- "$word")
}}

complete -F _{0} {0}
)bash";

// How the script gets at what may stand there.
std::string sources(const Candidates& candidates) {
  switch (candidates.kind) {
    case Candidates::Kind::nothing:
      return ":";
    case Candidates::Kind::file:
      return "kind=file";
    case Candidates::Kind::guest:
      return "kind=guest";
    case Candidates::Kind::image:
      return "kind=image";
    case Candidates::Kind::user:
      return "kind=user";
    case Candidates::Kind::words:
      return fmt::format("words=\"{}\"", fmt::join(candidates.words, " "));
  }
  return ":";
}

// "-a,--all" has two names.
std::vector<std::string> names_of(const OptionText& option) {
  std::vector<std::string> names;
  for (std::size_t at = 0; at < option.name.size();) {
    const std::size_t end = std::min(option.name.find(',', at), option.name.size());
    names.push_back(option.name.substr(at, end - at));
    at = end + 1;
  }
  return names;
}

// Of several words each may be another thing; what the last one is, further ones are.
std::string by_position(const std::vector<std::string>& words) {
  if (words.empty()) return ":";
  if (words.size() == 1) return words[0];
  std::string cases = "case $position in";
  for (std::size_t i = 0; i < words.size(); ++i)
    cases += fmt::format(" {}) {} ;;", i + 1 == words.size() ? "*" : std::to_string(i), words[i]);
  return cases + " esac";
}

struct Cases {
  std::string groups;
  std::string values;
  std::string commands;
};

void add_command(Cases& cases, const CommandText& command, const std::string& path) {
  std::string options;
  std::vector<std::string> words;
  for (const OptionText& option : command.options) {
    if (!option.name.starts_with('-')) {
      words.push_back(sources(candidates(option)));
      continue;
    }
    std::vector<std::string> ways;
    for (const std::string& name : names_of(option)) {
      options += (options.empty() ? "" : " ") + name;
      ways.push_back(fmt::format("\"{} {}\"", path, name));
    }
    if (!option.type.empty())
      cases.values += fmt::format("    {}) {} ;;\n", fmt::join(ways, " | "), sources(candidates(option)));
  }
  std::vector<std::string> below;
  for (const CommandText& other : command.commands) below.push_back(other.name);
  if (!below.empty()) words = {fmt::format("words=\"{}\"", fmt::join(below, " "))};
  cases.commands += fmt::format("        \"{}\") options=\"{}\"; {} ;;\n", path, options, by_position(words));
  if (!below.empty() && !path.empty()) cases.groups += fmt::format(" | \"{}\"", path);
  for (const CommandText& other : command.commands)
    add_command(cases, other, path.empty() ? other.name : path + " " + other.name);
}

}  // namespace

std::string bash_completion(const CommandText& program) {
  Cases cases;
  add_command(cases, program, "");
  return fmt::format(script, program.name, cases.groups, cases.values, cases.commands);
}

}  // namespace samepage::manual
