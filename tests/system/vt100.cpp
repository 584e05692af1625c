// SPDX-License-Identifier: Apache-2.0
#include "tests/system/vt100.hpp"

#include <algorithm>
#include <charconv>

namespace samepage::system_test {
namespace {

// The number at `index` among "1;2", at least 1.
std::size_t parameter(std::string_view parameters, std::size_t index) {
  for (; index > 0; --index) {
    const std::size_t end = parameters.find(';');
    if (end == std::string_view::npos) return 1;
    parameters.remove_prefix(end + 1);
  }
  std::size_t value = 1;
  std::from_chars(parameters.data(), parameters.data() + parameters.size(), value);
  return std::max<std::size_t>(value, 1);
}

}  // namespace

void Vt100::put(char letter) {
  if (x_ < columns_) lines_[y_][x_++] = letter;
}

void Vt100::erase_line(std::size_t from, std::size_t to) {
  for (std::size_t x = from; x < std::min(to, columns_); ++x) lines_[y_][x] = ' ';
}

void Vt100::obey(char command, std::string_view parameters) {
  const std::size_t count = parameter(parameters, 0);
  const std::size_t last = lines_.size() - 1;
  switch (command) {
    case 'H':
      y_ = std::min(count - 1, last);
      x_ = std::min(parameter(parameters, 1) - 1, columns_ - 1);
      break;
    case 'A':
      y_ -= std::min(count, y_);
      break;
    case 'B':
      y_ = std::min(y_ + count, last);
      break;
    case 'C':
      x_ = std::min(x_ + count, columns_ - 1);
      break;
    case 'D':
      x_ -= std::min(count, x_);
      break;
    case 'K':
      if (parameters == "1") {
        erase_line(0, x_ + 1);
      } else {
        erase_line(x_, columns_);
      }
      break;
    case 'J':
      erase_line(x_, columns_);
      for (std::size_t y = y_ + 1; y < lines_.size(); ++y) lines_[y].assign(columns_, ' ');
      break;
    default:
      break;  // colours, modes, margins: nothing that places text
  }
}

void Vt100::write(std::string_view text) {
  while (!text.empty()) {
    const char letter = text.front();
    text.remove_prefix(1);
    if (letter == '\x1b' && text.starts_with('[')) {
      const std::size_t end = text.find_first_not_of("0123456789;?", 1);
      if (end == std::string_view::npos) return;
      obey(text[end], text.substr(1, end - 1));
      text.remove_prefix(end + 1);
    } else if (letter == '\x1b') {
      const bool two = text.starts_with('(') || text.starts_with(')');
      text.remove_prefix(std::min<std::size_t>(two ? 2 : 1, text.size()));
    } else if (letter == '\r') {
      x_ = 0;
    } else if (letter == '\n') {
      y_ = std::min(y_ + 1, lines_.size() - 1);
    } else if (letter == '\b') {
      x_ -= std::min<std::size_t>(x_, 1);
    } else if (letter == '\t') {
      x_ = std::min((x_ / 8 + 1) * 8, columns_ - 1);
    } else if (letter >= ' ') {
      put(letter);
    }
  }
}

std::string Vt100::text() const {
  std::string text;
  for (const std::string& line : lines_) text += line + '\n';
  return text;
}

}  // namespace samepage::system_test
