// SPDX-License-Identifier: Apache-2.0
// What is typed at the guest's first serial port.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

namespace samepage::guest {

/// A line of input, without its end: a verb, and a number after it. What does not fit is dropped.
class InputLine {
 public:
  /// Waits for a whole line, and repeats it for whoever types.
  InputLine();
  [[nodiscard]] bool is(std::string_view verb) const {
    return text().starts_with(verb) && (size_ == verb.size() || bytes_[verb.size()] == ' ');
  }
  /// What follows the verb; 0 where that is no number.
  [[nodiscard]] std::size_t number() const;

 private:
  [[nodiscard]] std::string_view text() const { return {bytes_.data(), size_}; }

  std::array<char, 64> bytes_{};
  std::size_t size_ = 0;
};

}  // namespace samepage::guest
