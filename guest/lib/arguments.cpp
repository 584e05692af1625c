// SPDX-License-Identifier: Apache-2.0
#include "guest/lib/arguments.hpp"

#include <algorithm>

#include "guest/lib/console.hpp"
#include "guest/lib/runtime.hpp"

namespace samepage::guest {
namespace {

std::optional<std::uint64_t> parse_number(std::string_view text) {
  std::uint64_t base = 10;
  if (text.starts_with("0x")) {
    base = 16;
    text.remove_prefix(2);
  }
  if (text.empty()) return std::nullopt;
  std::uint64_t value = 0;
  for (const char byte : text) {
    const std::size_t digit = std::string_view{"0123456789abcdef", base}.find(byte);
    if (digit == std::string_view::npos) return std::nullopt;
    if (__builtin_mul_overflow(value, base, &value)) return std::nullopt;
    if (__builtin_add_overflow(value, digit, &value)) return std::nullopt;
  }
  return value;
}

bool is_known(std::string_view key) {
  std::string_view rest = known_keys;
  while (!rest.empty()) {
    const std::string_view word{rest.data(), std::min(rest.size(), rest.find(' '))};
    if (word == key) return true;
    rest.remove_prefix(std::min(rest.size(), word.size() + 1));
  }
  return false;
}

[[noreturn]] void refuse_word(std::string_view word, std::string_view why) {
  print("guest: '", word, "' ", why, "\n");
  print("guest: parameters are KEY=VALUE; the keys are: ", known_keys, "\n");
  exit(code_usage);
}

}  // namespace

Arguments::Arguments(std::string_view command_line) : command_line_(command_line) {
  std::string_view rest = command_line_;
  while (!rest.empty()) {
    const std::string_view word{rest.data(), std::min(rest.size(), rest.find(' '))};
    rest.remove_prefix(std::min(rest.size(), word.size() + 1));
    const std::string_view key{word.data(), std::min(word.size(), word.find('='))};
    if (word.empty() || key.find('.') != std::string_view::npos) continue;
    if (!is_known(key)) refuse_word(word, "is not a parameter of this guest");
    if (key.size() == word.size()) refuse_word(word, "has no value");
    if (text(key)->data() != word.data() + key.size() + 1) refuse_word(word, "is there twice");
  }
}

std::optional<std::string_view> Arguments::text(std::string_view key) const {
  if (!is_known(key)) refuse_word(key, "is asked for by the program, but is not among its keys");
  std::string_view rest = command_line_;
  while (!rest.empty()) {
    const std::string_view word{rest.data(), std::min(rest.size(), rest.find(' '))};
    if (word.size() > key.size() && word.starts_with(key) && word[key.size()] == '=') {
      return std::string_view{word.data() + key.size() + 1, word.size() - key.size() - 1};
    }
    rest.remove_prefix(std::min(rest.size(), word.size() + 1));
  }
  return std::nullopt;
}

std::optional<std::uint64_t> Arguments::number(std::string_view key) const {
  const std::optional<std::string_view> value = text(key);
  if (!value) return std::nullopt;
  const std::optional<std::uint64_t> parsed = parse_number(*value);
  if (!parsed) {
    print("guest: ", key, "=", *value, " is not a number\n");
    exit(code_usage);
  }
  return parsed;
}

}  // namespace samepage::guest
