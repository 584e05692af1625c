// SPDX-License-Identifier: Apache-2.0
#include "manage/report/ticks.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "manage/report/html.hpp"

namespace samepage::report {
namespace {

constexpr double most_steps = 5;

// The least of 1, 2 and 5 times a power of ten that is not less.
double decimal_step(double least) {
  const double power = std::pow(10, std::floor(std::log10(least)));
  for (const double factor : {1.0, 2.0, 5.0}) {
    if (factor * power >= least) return factor * power;
  }
  return 10 * power;
}

double binary_step(double least) {
  return std::exp2(std::ceil(std::log2(std::max(least, 1.0))));
}

double time_step(double least) {
  constexpr std::array steps{0.1,   0.2,  0.5,  1.0,  2.0,   5.0,   10.0,  15.0,   30.0,   60.0,
                             120.0, 300., 600., 900., 1800., 3600., 7200., 14400., 21600., 43200.};
  for (const double step : steps) {
    if (step >= least) return step;
  }
  return 86'400 * std::ceil(least / 86'400);
}

void add_ticks(Axis& axis, double step) {
  const auto last = static_cast<long>(std::floor(axis.high / step + 1e-9));
  for (auto tick = static_cast<long>(std::ceil(axis.low / step - 1e-9)); tick <= last; ++tick) {
    axis.ticks.push_back(static_cast<double>(tick) * step);
  }
}

}  // namespace

Axis value_axis(double least, double most, Scale scale) {
  least = std::min(least, 0.0);
  most = std::max(most, 0.0);
  const double smallest = scale == Scale::bytes ? 4096 : scale == Scale::percent ? 1 : 1;
  const double wanted = std::max(most - least, smallest) / most_steps;
  const double step = scale == Scale::bytes ? binary_step(wanted) : decimal_step(wanted);
  Axis axis;
  // A little below 0 needs no line of its own there.
  axis.low = -least < step / 2 ? least : step * std::floor(least / step);
  axis.high = std::max(step * std::ceil(most / step), axis.low + step);
  add_ticks(axis, step);
  return axis;
}

Axis time_axis(double seconds) {
  Axis axis;
  axis.high = std::max(seconds, 0.1);
  add_ticks(axis, time_step(axis.high / most_steps));
  return axis;
}

std::string value_text(double value, Scale scale) {
  switch (scale) {
    case Scale::bytes:
      return size_text(value);
    case Scale::per_second:
      return value < 10 && value != std::floor(value) ? fmt::format("{:.1f}", value)
                                                      : count_text(static_cast<std::uint64_t>(value + 0.5));
    case Scale::percent:
      return fmt::format("{:g} %", std::round(value * 10) / 10);
  }
  return {};
}

std::string elapsed_text(double seconds) {
  if (seconds == 0) return "0";
  if (seconds < 60) return fmt::format("{:g} s", std::round(seconds * 10) / 10);
  const auto whole = static_cast<long>(std::lround(seconds));
  const long hours = whole / 3600;
  const long minutes = whole / 60 % 60;
  const long rest = whole % 60;
  std::string text;
  if (hours > 0) text += fmt::format("{} h", hours);
  if (minutes > 0) text += fmt::format("{}{} min", text.empty() ? "" : " ", minutes);
  if (rest > 0 && hours == 0) text += fmt::format(" {} s", rest);
  return text;
}

}  // namespace samepage::report
