// SPDX-License-Identifier: Apache-2.0
#include "manage/cli/progress_line.hpp"

#include <algorithm>

namespace samepage::cli {
namespace {

constexpr std::size_t brackets = 2, blank = 1;
constexpr std::size_t least_inside = 8, most_inside = 30;

// `inside`: between the brackets.
std::string bar(Done done, std::size_t inside) {
  const double part = static_cast<double>(std::min(done.part, done.all)) / static_cast<double>(done.all);
  const auto filled = static_cast<std::size_t>(part * static_cast<double>(inside));
  return "[" + std::string(filled, '#') + std::string(inside - filled, ' ') + "]";
}

}  // namespace

std::string progress_line(std::string_view text, Done done, std::size_t columns) {
  const std::size_t room = columns == 0 ? 0 : columns - 1;  // the last column is the cursor's
  text = text.substr(0, room);
  const std::size_t least = brackets + least_inside + blank;
  if (done.all == 0 || room - text.size() < least) return std::string(text);
  return bar(done, std::min(room - text.size() - brackets - blank, most_inside)) + ' ' + std::string(text);
}

}  // namespace samepage::cli
