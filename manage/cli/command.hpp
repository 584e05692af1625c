// SPDX-License-Identifier: Apache-2.0
// How a command's file declares the command: its name, its options, what it does. The parser (CLI11) is
// behind it: only command.cpp and command_line.cpp include its large header.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/check.hpp"

namespace CLI {
class App;
}

namespace samepage::cli {

/// An option, or a word without one before it.
struct Option {
  std::string name;  // "--mem", or "GUEST" where there is only a word
  std::string type;  // how its value is written, for the help: "SIZE"
  std::string help;  // empty: the option is not for people, and no help shows it
};

/// Thrown by what looks at a command's options together: they make no sense.
class OptionError : public UserError {
 public:
  OptionError(std::string option, const std::string& why) : UserError(why), option_(std::move(option)) {}
  [[nodiscard]] const std::string& option() const { return option_; }

 private:
  std::string option_;
};

enum class Needed : std::uint8_t { no, yes };

/// What the manual tells of options besides their help.
using Details = std::map<std::pair<const CLI::App*, std::string>, std::string>;

/// Cheap to copy; of no use after the parser.
class Command {
 public:
  using Run = std::function<int()>;
  /// What is wrong with a word; empty: nothing.
  using Check = std::function<std::string(const std::string&)>;

  /// The program itself. `chosen` gets what the command line asks for. All must outlive the parsing.
  Command(CLI::App& app, Run& chosen, Details& details) : app_(&app), chosen_(&chosen), details_(&details) {}

  /// A command of this one.
  [[nodiscard]] Command add(const std::string& name, const std::string& help) const;
  /// What the help ends with.
  void footer(const std::string& text) const;
  /// What the command does, once its options have been read and `check`, which may throw OptionError, takes
  /// them.
  void runs(Run run, std::function<void()> check = {}) const;
  /// Nothing by itself: one of its own commands has to follow.
  void needs_command() const;
  [[nodiscard]] bool given(const std::string& option) const;
  /// More about an option of the command, in sentences, for the manual (Markdown).
  void details(const std::string& option, const std::string& text) const;

  // Options. The targets must outlive the parsing.
  void flag(const std::string& name, const std::string& help, bool& target) const;
  void flag(const std::string& name, const std::string& help, std::function<void()> given) const;
  void text(const Option& option, std::string& target, const Check& check = {},
            Needed needed = Needed::no) const;
  void texts(const Option& option, std::vector<std::string>& target, const Check& check = {},
             Needed needed = Needed::no) const;
  void number(const Option& option, unsigned& target, unsigned least, unsigned most) const;
  void number(const Option& option, int& target) const;

  /// A text that `parse` turns into a target, or into nothing where it is not `meaning`.
  template <typename Target, typename Parse>
  void parsed(const Option& option, Target& target, Parse parse, const std::string& meaning,
              Needed needed = Needed::no) const {
    take(option, needed, [&target, parse, name = option.name, meaning](const std::string& text) {
      target = required(parse(text), name, text, meaning);
    });
  }
  /// The same for an option that may be repeated; its type is its meaning.
  template <typename Item, typename Parse>
  void repeated(const Option& option, std::vector<Item>& target, Parse parse) const {
    take_all(option, [&target, parse, name = option.name, meaning = option.type](const std::string& text) {
      target.push_back(required(parse(text), name, text, meaning));
    });
  }

 private:
  using Take = std::function<void(const std::string&)>;

  void take(const Option& option, Needed needed, Take take) const;
  void take_all(const Option& option, Take take) const;
  [[noreturn]] static void refuse(const std::string& name, const std::string& text,
                                  const std::string& meaning);
  template <typename Value>
  static Value required(std::optional<Value> value, const std::string& name, const std::string& text,
                        const std::string& meaning) {
    if (!value) refuse(name, text, meaning);
    return *std::move(value);
  }

  CLI::App* app_;
  Run* chosen_;
  Details* details_;
};

}  // namespace samepage::cli
