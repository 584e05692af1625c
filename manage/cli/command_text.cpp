// SPDX-License-Identifier: Apache-2.0
#include "manage/cli/command_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "base/check.hpp"

namespace samepage::cli {
namespace {

// A bar would end the table's cell.
std::string in_a_cell(const std::string& text) {
  std::string escaped;
  for (const char letter : text) escaped += letter == '|' ? "\\|" : std::string(1, letter);
  return escaped;
}

std::string sentence(std::string text) {
  if (!text.empty() && text.back() != '.') text += '.';
  return text;
}

}  // namespace

std::string option_table(const CommandText& command) {
  std::string table = "| option | meaning |\n| --- | --- |\n";
  for (const OptionText& option : command.options) {
    if (option.name == "-h,--help") continue;
    const std::string meaning =
        option.details.empty() ? option.help : sentence(option.help) + " " + option.details;
    table += fmt::format("| `{}{}{}` | {} |\n", in_a_cell(option.name), option.type.empty() ? "" : " ",
                         in_a_cell(option.type), in_a_cell(meaning));
  }
  return table;
}

std::string with_option_tables(const std::string& manual, const CommandText& program) {
  constexpr std::string_view begin = "<!-- options of ", begin_end = " -->\n",
                             end = "<!-- end of options -->\n";
  std::string result;
  std::size_t at = 0;
  for (std::size_t marker; (marker = manual.find(begin, at)) != std::string::npos;) {
    const std::size_t name = marker + begin.size();
    const std::size_t table = manual.find(begin_end, name);
    const std::size_t behind = table == std::string::npos ? table : manual.find(end, table);
    if (behind == std::string::npos) throw UserError("a table of options has no end in the manual");
    const std::string wanted = manual.substr(name, table - name);
    const auto command = std::find_if(program.commands.begin(), program.commands.end(),
                                      [&](const CommandText& text) { return text.name == wanted; });
    if (command == program.commands.end())
      throw UserError(fmt::format("the manual has options of '{}', which is not a command", wanted));
    result += manual.substr(at, table + begin_end.size() - at) + "\n" + option_table(*command) + "\n";
    at = behind;
  }
  return result + manual.substr(at);
}

}  // namespace samepage::cli
