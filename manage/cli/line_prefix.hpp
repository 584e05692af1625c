// SPDX-License-Identifier: Apache-2.0
// Puts a guest's name before each line of its console. Pure.
#pragma once

#include <string>
#include <string_view>

namespace samepage::cli {

/// Cuts a stream into lines.
class LinePrefix {
 public:
  static constexpr std::size_t longest_line = 4096;

  explicit LinePrefix(std::string prefix) : prefix_(std::move(prefix)) {}

  /// The lines that `text` completes, each with the prefix and its '\n'. A longer line is cut.
  std::string feed(std::string_view text);
  /// The line that was not completed, with a '\n'; empty when there is none.
  std::string finish();

 private:
  std::string prefix_;
  std::string line_;
};

}  // namespace samepage::cli
