// SPDX-License-Identifier: Apache-2.0
// The command line: words of the form key=value. A key that the program does not know ends the guest:
// otherwise a mistyped key would leave the default in force. Words whose key has a '.' in it are ignored,
// because some VMMs add them (virtio_mmio.device=...).
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace samepage::guest {

/// The keys that a program knows, separated by blanks; each program defines it.
extern const std::string_view known_keys;

class Arguments {
 public:
  /// Ends the guest with code 2, and a line that says what there is, when a word is not KEY=VALUE with a
  /// known key, or when a key comes twice.
  explicit Arguments(std::string_view command_line);

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
