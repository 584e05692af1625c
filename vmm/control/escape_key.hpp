// SPDX-License-Identifier: Apache-2.0
// The key that leads out of a guest's console. All other input is the guest's.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace samepage::vmm {

class EscapeKey {
 public:
  /// Ctrl-].
  constexpr EscapeKey() = default;
  /// "^]" and the like (a control character as it is written: ^@ to ^_ and ^?), one printable ASCII
  /// character, or "none".
  static std::optional<EscapeKey> parse(std::string_view text);

  /// Input up to the first escape key.
  struct Input {
    std::string_view for_guest;
    bool escaped = false;  // what is behind the key is nobody's
  };
  [[nodiscard]] Input split(std::string_view typed) const;

  /// "Ctrl-]", "~"; empty when there is none.
  [[nodiscard]] std::string name() const;

 private:
  explicit constexpr EscapeKey(std::optional<char> key) : key_(key) {}

  std::optional<char> key_ = '\x1d';
};

}  // namespace samepage::vmm
