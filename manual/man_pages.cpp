// SPDX-License-Identifier: Apache-2.0
#include "manual/man_pages.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <regex>
#include <set>
#include <vector>

#include "base/check.hpp"
#include "manual/markdown.hpp"
#include "manual/roff.hpp"

namespace samepage::manual {
namespace {

using cli::CommandText;
using cli::OptionText;

std::string upper(std::string text) {
  for (char& letter : text) letter = static_cast<char>(std::toupper(static_cast<unsigned char>(letter)));
  return text;
}

std::string sentence(std::string text) {
  if (text.empty()) return text;
  text[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(text[0])));
  return text.back() == '.' ? text : text + ".";
}

// How `ps [-a]` is called: options are listed apart.
std::string usage_of(const std::string& call, const CommandText& command) {
  static const std::regex option(R"( ?\[-(?!- )[^\]]*\])");
  const std::string words = std::regex_replace(call, option, "");
  const std::size_t rest = words.compare(0, command.name.size(), command.name) == 0 ? command.name.size() : 0;
  const std::string options = command.options.size() > 1 ? "[OPTION...]" : "";
  const std::string roff = options + roff_code(words.substr(rest));
  return ".B samepage " + roff_code(words.substr(0, rest)) + "\n" +
         (roff.empty() ? "" : roff.substr(roff[0] == ' ' ? 1 : 0) + "\n");
}

// The code spans of a cell that are calls of a command: "`pause GUEST...`, `resume GUEST...`" has two.
std::vector<std::string> calls_in(const std::string& cell, const std::string& command) {
  static const std::regex code("`([^`]+)`");
  std::vector<std::string> calls;
  for (std::sregex_iterator at(cell.begin(), cell.end(), code), end; at != end; ++at) {
    const std::string call = (*at)[1].str();
    if (call == command || call.starts_with(command + " ")) calls.push_back(call);
  }
  return calls;
}

// The manual by what is asked of it.
class Manual {
 public:
  explicit Manual(std::string_view text) : blocks_(parse_markdown(text)) {}

  // A row of a table "command | second column".
  struct Entry {
    std::vector<std::string> calls;
    std::string text;
  };
  std::vector<Entry> entries(const std::string& command, std::string_view second) const {
    std::vector<Entry> found;
    for (const Block& block : blocks_) {
      if (block.kind != Block::Kind::table || block.rows.empty() || block.rows[0].size() < 2) continue;
      if (block.rows[0][0] != "command" || block.rows[0][1] != second) continue;
      for (std::size_t i = 1; i < block.rows.size(); ++i) {
        Entry entry{calls_in(block.rows[i].at(0), command), block.rows[i].at(1)};
        if (!entry.calls.empty() && !entry.text.empty()) found.push_back(std::move(entry));
      }
    }
    return found;
  }

  // Sections of a page, one behind the other. `first` is what the first one's heading becomes.
  std::string sections(const std::string& page, std::string_view first) const {
    std::string roff;
    for (std::size_t i = 0; i < blocks_.size(); ++i) {
      const Block& heading = blocks_[i];
      if (std::find(heading.pages.begin(), heading.pages.end(), page) == heading.pages.end()) continue;
      if (roff.empty() && !first.empty()) {
        roff = ".SH " + std::string(first) + "\n";
      } else {
        roff += ".SH \"" + upper(heading.text) + "\"\n";
      }
      for (++i; i < blocks_.size() && !ends(blocks_[i], heading.level); ++i) {
        roff += blocks_[i].kind == Block::Kind::heading ? ".SS \"" + blocks_[i].text + "\"\n"
                                                        : roff_block(blocks_[i]);
      }
      --i;
    }
    return roff;
  }

  std::set<std::string> pages() const {
    std::set<std::string> pages;
    for (const Block& block : blocks_) pages.insert(block.pages.begin(), block.pages.end());
    return pages;
  }

 private:
  static bool ends(const Block& block, unsigned level) {
    return block.kind == Block::Kind::heading && block.level <= level;
  }

  std::vector<Block> blocks_;
};

// A heading begins a paragraph by itself.
std::string tidied(const std::string& page) {
  static const std::regex superfluous("(\n\\.S[HS] [^\n]*\n)\\.PP\n");
  return std::regex_replace(page, superfluous, "$1");
}

std::string option_list(const CommandText& command) {
  std::string roff;
  for (const OptionText& option : command.options) {
    std::string tag = roff_bold(option.name);
    if (!option.type.empty()) tag += " \\fI" + roff_code(option.type) + "\\fR";
    const std::string details = option.details.empty() ? "" : "\n" + option.details;
    roff += tagged(tag, roff_text(sentence(option.help) + details));
  }
  return roff;
}

std::string head(const std::string& name, int section, const std::string& help, const Edition& edition) {
  return fmt::format(
      ".\\\" Made from docs/manual.md and the options of the program by samepage-manual.\n"
      ".TH {} {} {} \"Samepage {}\" \"Samepage\"\n.SH NAME\n{} \\- {}\n",
      upper(roff_code(name)), section, edition.date, edition.version, roff_code(name), roff_code(help));
}

std::string see_also(const std::vector<std::string>& pages) {
  std::string roff = ".SH SEE ALSO\n";
  for (std::size_t i = 0; i < pages.size(); ++i) {
    const std::size_t bracket = pages[i].find('(');
    roff += fmt::format(".BR {} {}{}\n", roff_code(pages[i].substr(0, bracket)), pages[i].substr(bracket),
                        i + 1 == pages.size() ? "" : ",");
  }
  return roff;
}

// The commands below one, with their full names; itself where it has none.
std::vector<CommandText> leaves(const CommandText& command, const std::string& before = {}) {
  CommandText full = command;
  full.name = before + command.name;
  if (command.commands.empty()) return {full};
  std::vector<CommandText> all;
  for (const CommandText& below : command.commands) {
    for (CommandText& leaf : leaves(below, full.name + " ")) all.push_back(std::move(leaf));
  }
  return all;
}

std::string page_of(const CommandText& command, const Manual& manual, const Edition& edition) {
  const std::string page = "samepage-" + command.name;
  const std::vector<CommandText> calls = leaves(command);
  std::string usage, description, options, json;
  std::set<std::string> texts;
  for (const CommandText& call : calls) {
    const std::vector<Manual::Entry> entries = manual.entries(call.name, "what it does");
    if (entries.empty()) {
      throw UserError(
          fmt::format("the manual says nothing of 'samepage {}': give it a row in a table of commands "
                      "(| command | what it does |)",
                      call.name));
    }
    for (const Manual::Entry& entry : entries) {
      for (const std::string& way : entry.calls)
        usage += (usage.empty() ? "" : ".br\n") + usage_of(way, call);
      if (texts.insert(entry.text).second)
        description +=
            (command.commands.empty() ? ".PP\n" + roff_text(sentence(entry.text)) + "\n"
                                      : tagged(roff_bold(call.name), roff_text(sentence(entry.text))));
    }
    if (!command.commands.empty()) options += ".SS \"samepage " + roff_code(call.name) + "\"\n";
    options += option_list(call);
    for (const Manual::Entry& entry : manual.entries(call.name, "JSON"))
      json += ".PP\n" + (!command.commands.empty() ? roff_bold(call.name) + ": " : std::string()) +
              roff_text(sentence(entry.text)) + "\n";
  }
  std::string help = command.help;
  if (!help.empty()) help[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(help[0])));
  return head(page, 1, help, edition) + ".SH SYNOPSIS\n" + usage + ".SH DESCRIPTION\n" + description +
         ".SH OPTIONS\n" + options + (json.empty() ? "" : ".SH JSON\n" + json) +
         manual.sections(page + "(1)", {}) + see_also({"samepage(1)", "samepaged(8)"});
}

std::string page_of_program(const CommandText& program, const Manual& manual, const Edition& edition) {
  std::string commands;
  std::vector<std::string> others;
  for (const CommandText& command : program.commands) {
    others.push_back("samepage-" + command.name + "(1)");
    commands += tagged(fmt::format("\\fBsamepage\\-{}\\fR(1)", roff_code(command.name)),
                       roff_text(sentence(command.help)));
  }
  others.emplace_back("samepaged(8)");
  return head("samepage", 1, "runs tiny KVM guests and keeps one copy of every page that they have in common",
              edition) +
         ".SH SYNOPSIS\n.B samepage\n.I COMMAND\n[OPTION...] [WORD...]\n" +
         manual.sections("samepage(1)", "DESCRIPTION") + ".SH COMMANDS\n" + commands + ".SH OPTIONS\n" +
         option_list(program) + see_also(others);
}

std::string page_of_daemon(const CommandText& program, const Manual& manual, const Edition& edition) {
  return head("samepaged", 8, "merges identical pages of KVM guests", edition) +
         ".SH SYNOPSIS\n.B samepaged\n[OPTION...]\n" + manual.sections("samepaged(8)", "DESCRIPTION") +
         ".SH OPTIONS\n" + option_list(program) + see_also({"samepage(1)", "samepage-tune(1)"});
}

}  // namespace

std::map<std::string, std::string> man_pages(std::string_view manual_text, const Programs& programs,
                                             const Edition& edition) {
  const Manual manual(manual_text);
  std::map<std::string, std::string> pages;
  pages["samepage.1"] = page_of_program(programs.samepage, manual, edition);
  pages["samepaged.8"] = page_of_daemon(programs.samepaged, manual, edition);
  for (const CommandText& command : programs.samepage.commands)
    pages["samepage-" + command.name + ".1"] = page_of(command, manual, edition);
  for (auto& [name, page] : pages) page = tidied(page);
  for (const std::string& page : manual.pages()) {
    std::string file = page;
    if (const std::size_t bracket = file.find('('); bracket != std::string::npos)
      file = file.substr(0, bracket) + "." + file.substr(bracket + 1, 1);
    if (!pages.contains(file))
      throw UserError(fmt::format("the manual has a section of {}, which is not a page", page));
  }
  return pages;
}

}  // namespace samepage::manual
