// SPDX-License-Identifier: Apache-2.0
// What a VT100 shows after it got some text: as much of one as programs need that place text (TERM=vt100).
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace samepage::system_test {

class Vt100 {
 public:
  Vt100(std::size_t columns, std::size_t rows) : columns_(columns), lines_(rows, std::string(columns, ' ')) {}

  void write(std::string_view text);
  /// All lines.
  [[nodiscard]] std::string text() const;

 private:
  void obey(char command, std::string_view parameters);
  void put(char letter);
  void erase_line(std::size_t from, std::size_t to);

  std::size_t columns_;
  std::vector<std::string> lines_;
  std::size_t x_ = 0, y_ = 0;
};

}  // namespace samepage::system_test
