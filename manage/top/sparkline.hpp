// SPDX-License-Identifier: Apache-2.0
// A curve in one line of text. Pure.
#pragma once

#include <cstdint>
#include <deque>
#include <string>

namespace samepage::top {

/// The last values of a figure.
class History {
 public:
  explicit History(std::size_t most) : most_(most) {}
  void add(double value);
  [[nodiscard]] const std::deque<double>& values() const { return values_; }

 private:
  std::size_t most_;
  std::deque<double> values_;  // oldest first
};

/// What a terminal can show.
enum class Glyphs : std::uint8_t { ascii, blocks };

/// The newest `width` values, the newest at the right, as heights over the least of them and 0. A value that
/// isn't the least has at least the second height.
[[nodiscard]] std::string sparkline(const std::deque<double>& values, std::size_t width, Glyphs glyphs);

}  // namespace samepage::top
