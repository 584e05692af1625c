// SPDX-License-Identifier: Apache-2.0
#include "dedup/daemon/policy/policy_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <limits>
#include <set>
#include <system_error>
#include <utility>

#include "base/check.hpp"
#include "base/units.hpp"
#include "dedup/daemon/policy/label_pattern.hpp"
#include "dedup/domain_label.hpp"

namespace samepage::dedup {
namespace {

constexpr std::string_view blank = " \t\r";
constexpr std::string_view example = "'alice domains=lab-* max-guests=4 max-ram=8G'";
constexpr std::uint64_t most_of_anything = 1U << 20U;

std::optional<std::uint64_t> number_in(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() ? std::optional(value) : std::nullopt;
}

// Each sets one member of a rule from what follows '=', or throws UserError.

std::uint64_t count_of(std::string_view name, std::string_view value) {
  const auto count = number_in(value);
  if (!count || *count > most_of_anything) {
    throw UserError(fmt::format("'{}={}' is not a number up to {}; write one, such as {}=4", name, value,
                                most_of_anything, name));
  }
  return *count;
}

std::uint64_t bytes_of(std::string_view name, std::string_view value) {
  const auto bytes = parse_size(value);
  if (!bytes) {
    throw UserError(
        fmt::format("'{}={}' is not a size: use a number with K, M or G, such as {}=4G", name, value, name));
  }
  return *bytes;
}

std::vector<std::string> labels_of(std::string_view value) {
  std::vector<std::string> labels;
  for (bool more = true; more;) {
    // A mode has a comma before it, too.
    const std::size_t first = value.find(',');
    const std::size_t second = first == std::string_view::npos ? first : value.find(',', first + 1);
    const bool has_mode = mode_of(value.substr(0, second)) != DomainMode::plain;
    const std::size_t comma = has_mode ? second : first;
    const std::string_view label = value.substr(0, comma);
    if (!is_label_pattern(label)) {
      throw UserError(
          fmt::format("'{}' is not the label of a domain: use letters, digits, dots, underscores and dashes, "
                      "* and ? for others, and commas between labels, such as domains=web,lab-*",
                      label));
    }
    labels.emplace_back(label);
    more = comma != std::string_view::npos;
    if (more) value.remove_prefix(comma + 1);
  }
  return labels;
}

struct Setting {
  std::string_view name;
  void (*set)(PolicyRule& rule, std::string_view name, std::string_view value);
};

constexpr std::array settings{
    Setting{"domains", [](PolicyRule& rule, std::string_view,
                          std::string_view value) { rule.domains = labels_of(value); }},
    Setting{"max-domains", [](PolicyRule& rule, std::string_view name,
                              std::string_view value) { rule.max_domains = count_of(name, value); }},
    Setting{"max-guests", [](PolicyRule& rule, std::string_view name,
                             std::string_view value) { rule.max_guests = count_of(name, value); }},
    Setting{"max-ram", [](PolicyRule& rule, std::string_view name,
                          std::string_view value) { rule.max_ram = bytes_of(name, value); }},
    Setting{"max-held", [](PolicyRule& rule, std::string_view name,
                           std::string_view value) { rule.max_held = bytes_of(name, value); }},
};

std::string names_of_settings() {
  std::string names;
  for (const Setting& setting : settings) {
    names += names.empty() ? "" : &setting == &settings.back() ? " and " : ", ";
    names += setting.name;
  }
  return names;
}

// The next word of `line`, which is left with what follows; empty at its end.
std::string_view take_word(std::string_view& line) {
  line.remove_prefix(std::min(line.find_first_not_of(blank), line.size()));
  const std::string_view word = line.substr(0, line.find_first_of(blank));
  line.remove_prefix(word.size());
  return word;
}

void read_setting(std::string_view word, std::set<std::string_view>& given, PolicyRule& rule) {
  const std::string_view name = word.substr(0, word.find('='));
  const auto* const setting =
      std::find_if(settings.begin(), settings.end(), [&](const Setting& each) { return each.name == name; });
  if (setting == settings.end() || name.size() == word.size()) {
    throw UserError(fmt::format(
        "'{}' is not a setting; they are {}, each with = and a value and without blanks, as in {}", word,
        names_of_settings(), example));
  }
  if (!given.insert(setting->name).second)
    throw UserError(fmt::format("{}= is there twice; leave one out", name));
  setting->set(rule, setting->name, word.substr(name.size() + 1));
}

uid_t checked_user(std::string_view user, const UserNumber& number_of) {
  const bool is_number = user.find_first_not_of("0123456789") == std::string_view::npos;
  // All ones is nobody's number.
  std::optional<std::uint64_t> number = number_in(user);
  if (!is_number) number = number_of(std::string(user));
  if (number && *number < std::numeric_limits<uid_t>::max()) return static_cast<uid_t>(*number);
  if (is_number) throw UserError(fmt::format("{} is not a user's number; 'id -u' tells yours", user));
  throw UserError(
      fmt::format("there is no user '{}' in /etc/passwd; a line begins with a user's name as it is there, a "
                  "number ('id -u {}' tells it) or * for all others, as in {}",
                  user, user, example));
}

class Reader {
 public:
  Reader(Policy& policy, const UserNumber& number_of) : policy_(policy), number_of_(number_of) {}

  void read(std::string_view line, unsigned number) {
    line = line.substr(0, line.find('#'));
    const std::string_view user = take_word(line);
    if (user.empty()) return;
    PolicyRule rule{std::string(user), number};
    std::set<std::string_view> given;
    for (std::string_view word = take_word(line); !word.empty(); word = take_word(line)) {
      read_setting(word, given, rule);
    }
    add(std::move(rule));
  }

 private:
  void add(PolicyRule rule) {
    if (rule.user == "*") {
      if (policy_.others) throw_second(rule, *policy_.others);
      policy_.others = std::move(rule);
      return;
    }
    const uid_t uid = checked_user(rule.user, number_of_);
    const auto [there, added] = policy_.users.try_emplace(uid, rule);
    if (!added) throw_second(rule, there->second);
  }

  [[noreturn]] static void throw_second(const PolicyRule& second, const PolicyRule& first) {
    throw UserError(
        fmt::format("user {} has a rule in line {} already; make one of both", second.user, first.line));
  }

  Policy& policy_;
  const UserNumber& number_of_;
};

}  // namespace

ParsedPolicy parse_policy(std::string_view text, std::string path, const UserNumber& number_of) {
  ParsedPolicy parsed{{std::move(path)}};
  Reader reader(parsed.policy, number_of);
  for (unsigned number = 1; !text.empty(); ++number) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    try {
      reader.read(text.substr(0, end), number);
    } catch (const UserError& error) {
      parsed.problems.push_back({number, error.what()});
    }
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  if (parsed.problems.empty() && parsed.policy.users.empty() && !parsed.policy.others) {
    parsed.problems.push_back(
        {0,
         fmt::format("it has no rule, and would let nobody in; write a line for each user, such as {}, and "
                     "one that begins with * for all others",
                     example)});
  }
  return parsed;
}

}  // namespace samepage::dedup
