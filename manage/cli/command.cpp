// SPDX-License-Identifier: Apache-2.0
#include "manage/cli/command.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>

namespace samepage::cli {
namespace {

// How the help shows it, if it does.
void show(CLI::Option* shown, const Option& option) {
  shown->type_name(option.type);
  if (option.help.empty()) shown->group("");
}

// Turns what a check of ours throws into what the parser reports.
template <typename Action>
void reported(Action action) {
  try {
    action();
  } catch (const OptionError& error) {
    throw CLI::ValidationError(error.option(), error.what());
  }
}

template <typename Words>
void add_words(CLI::App& app, const Option& option, Words& target, const Command::Check& check,
               Needed needed) {
  CLI::Option* const added = app.add_option(option.name, target, option.help);
  show(added->required(needed == Needed::yes), option);
  if (check) added->check(check);
}

}  // namespace

Command Command::add(const std::string& name, const std::string& help) const {
  return {*app_->add_subcommand(name, help), *chosen_, *details_};
}

void Command::footer(const std::string& text) const {
  app_->footer(text);
}

void Command::runs(Run run, std::function<void()> check) const {
  app_->callback([chosen = chosen_, run = std::move(run), check = std::move(check)] {
    if (check) reported(check);
    *chosen = run;
  });
}

void Command::needs_command() const {
  app_->require_subcommand(1);
}

bool Command::given(const std::string& option) const {
  return app_->count(option) != 0;
}

void Command::details(const std::string& option, const std::string& text) const {
  invariant(app_->get_option_no_throw(option) != nullptr, "details of an option that there is not");
  (*details_)[{app_, option}] = text;
}

void Command::flag(const std::string& name, const std::string& help, bool& target) const {
  app_->add_flag(name, target, help);
}

void Command::flag(const std::string& name, const std::string& help, std::function<void()> given) const {
  app_->add_flag_callback(name, std::move(given), help);
}

void Command::text(const Option& option, std::string& target, const Check& check, Needed needed) const {
  add_words(*app_, option, target, check, needed);
}

void Command::texts(const Option& option, std::vector<std::string>& target, const Check& check,
                    Needed needed) const {
  add_words(*app_, option, target, check, needed);
}

void Command::number(const Option& option, unsigned& target, unsigned least, unsigned most) const {
  show(app_->add_option(option.name, target, option.help)->check(CLI::Range(least, most)), option);
}

void Command::number(const Option& option, int& target) const {
  show(app_->add_option(option.name, target, option.help), option);
}

void Command::take(const Option& option, Needed needed, Take take) const {
  const auto taken = [take = std::move(take)](const std::string& text) { reported([&] { take(text); }); };
  show(app_->add_option_function<std::string>(option.name, taken, option.help)
           ->required(needed == Needed::yes),
       option);
}

void Command::take_all(const Option& option, Take take) const {
  const auto taken = [take = std::move(take)](const std::vector<std::string>& texts) {
    for (const std::string& text : texts) reported([&] { take(text); });
  };
  CLI::Option* const added = app_->add_option_function<std::vector<std::string>>(
      option.name, taken, option.help + "; may be repeated");
  show(added->expected(1)->multi_option_policy(CLI::MultiOptionPolicy::TakeAll), option);
}

void Command::refuse(const std::string& name, const std::string& text, const std::string& meaning) {
  throw OptionError(name, fmt::format("'{}' is not {}", text, meaning));
}

}  // namespace samepage::cli
