// SPDX-License-Identifier: Apache-2.0
// The command line: words of the form key=value. Words that no program asks for are ignored, because some
// VMMs add their own.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace samepage::guest {

class Arguments {
 public:
  explicit Arguments(std::string_view command_line) : command_line_(command_line) {}

  /// The value of the first word with that key.
  [[nodiscard]] std::optional<std::string_view> text(std::string_view key) const;

  /// The same as a number, decimal or with 0x before it. Anything else ends the guest with code 2.
  [[nodiscard]] std::optional<std::uint64_t> number(std::string_view key) const;
  [[nodiscard]] std::uint64_t number(std::string_view key, std::uint64_t otherwise) const {
    return number(key).value_or(otherwise);
  }

 private:
  std::string_view command_line_;
};

}  // namespace samepage::guest
