// SPDX-License-Identifier: Apache-2.0
// Where the lines of a grid go, and what stands beside them. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace samepage::report {

/// What an axis counts in.
enum class Scale : std::uint8_t { bytes, per_second, percent };

struct Axis {
  double low = 0;
  double high = 1;
  std::vector<double> ticks;  // within [low, high], ascending
};

/// An axis for values between `least` and `most`; it has 0 in it and three to six ticks, the last at its end.
[[nodiscard]] Axis value_axis(double least, double most, Scale scale);
/// An axis for a time of so many seconds: it ends where the time ends.
[[nodiscard]] Axis time_axis(double seconds);

[[nodiscard]] std::string value_text(double value, Scale scale);
/// "0", "30 s", "2 min", "1 h 30 min": of a tick.
[[nodiscard]] std::string elapsed_text(double seconds);

}  // namespace samepage::report
