// SPDX-License-Identifier: Apache-2.0
#include "manage/top/sparkline.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>

namespace samepage::top {
namespace {

constexpr std::size_t heights = 8;
constexpr std::array<std::string_view, heights> blocks{"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
constexpr std::array<std::string_view, heights> letters{"_", ".", ":", "-", "=", "+", "*", "#"};

}  // namespace

void History::add(double value) {
  values_.push_back(value);
  if (values_.size() > most_) values_.pop_front();
}

std::string sparkline(const std::deque<double>& values, std::size_t width, Glyphs glyphs) {
  const std::size_t shown = std::min(width, values.size());
  const auto first = values.end() - static_cast<std::ptrdiff_t>(shown);
  double least = 0;
  double most = 0;
  for (auto value = first; value != values.end(); ++value) {
    least = std::min(least, *value);
    most = std::max(most, *value);
  }
  std::string line(width - shown, ' ');
  for (auto value = first; value != values.end(); ++value) {
    const double part = most > least ? (*value - least) / (most - least) : 0;
    const auto height = static_cast<std::size_t>(std::ceil(part * (heights - 1)));
    line += glyphs == Glyphs::blocks ? blocks.at(height) : letters.at(height);
  }
  return line;
}

}  // namespace samepage::top
