// SPDX-License-Identifier: Apache-2.0
#include "base/units.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <string>

namespace samepage {

namespace {

constexpr std::string_view unit_letters = "kmgtp";

constexpr char lower_case(char letter) {
  return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter - 'A' + 'a') : letter;
}

// The power of two of "", "b", "k", "kb", "kib" and so on.
std::optional<unsigned> shift_of(std::string unit) {
  std::transform(unit.begin(), unit.end(), unit.begin(), lower_case);
  if (unit.empty() || unit == "b") return 0;
  const std::size_t letter = unit_letters.find(unit.front());
  const std::string_view rest = std::string_view(unit).substr(1);
  if (letter == std::string_view::npos || (!rest.empty() && rest != "b" && rest != "ib")) return std::nullopt;
  return 10 * static_cast<unsigned>(letter + 1);
}

// 2^shift * 0.DIGITS, rounded down.
std::uint64_t fraction_of(std::string_view digits, unsigned shift) {
  long double value = 0;
  long double scale = 1;
  for (const char digit : digits.substr(0, 18)) {  // more digits would not fit exactly
    value = 10 * value + static_cast<long double>(digit - '0');
    scale *= 10;
  }
  return static_cast<std::uint64_t>(value / scale * static_cast<long double>(std::uint64_t{1} << shift));
}

}  // namespace

std::optional<std::uint64_t> parse_size(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end == text.data()) return std::nullopt;
  std::string_view rest = text.substr(static_cast<std::size_t>(end - text.data()));
  std::string_view digits;
  if (rest.starts_with('.')) {
    digits = rest.substr(1, rest.find_first_not_of("0123456789", 1) - 1);
    rest.remove_prefix(1 + digits.size());
    if (digits.empty()) return std::nullopt;
  }
  const std::optional<unsigned> shift = shift_of(std::string(rest));
  if (!shift || (*shift == 0 && !digits.empty())) return std::nullopt;
  if (value >= std::numeric_limits<std::uint64_t>::max() >> *shift) return std::nullopt;
  return (value << *shift) + fraction_of(digits, *shift);
}

std::string format_size(std::uint64_t bytes) {
  constexpr std::array<std::string_view, 5> units{"KiB", "MiB", "GiB", "TiB", "PiB"};
  if (bytes < 1024) return fmt::format("{} B", bytes);
  double value = static_cast<double>(bytes) / 1024;
  std::size_t unit = 0;
  while (value >= 1024 && unit + 1 < units.size()) value /= 1024, ++unit;
  return fmt::format("{:.1f} {}", value, units[unit]);
}

std::string format_short_size(std::uint64_t bytes) {
  std::string text = format_size(bytes);
  text.erase(text.find(' '), 1);
  if (text.ends_with("iB")) text.resize(text.size() - 2);
  return text;
}

std::string format_signed_size(std::int64_t bytes) {
  const std::uint64_t magnitude =
      bytes < 0 ? 0 - static_cast<std::uint64_t>(bytes) : static_cast<std::uint64_t>(bytes);
  return (bytes < 0 ? "-" : "") + format_size(magnitude);
}

std::optional<std::chrono::milliseconds> parse_seconds(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  constexpr double longest = 1e9;  // some thirty years
  if (!(value >= 0 && value <= longest)) return std::nullopt;
  return std::chrono::milliseconds(static_cast<std::int64_t>(value * 1000 + 0.5));
}

std::string format_uptime(double seconds) {
  if (seconds < 10) return fmt::format("{:.1f}s", seconds);
  const auto whole = static_cast<unsigned long>(seconds);
  if (whole < 60) return fmt::format("{}s", whole);
  if (whole < 3600) return fmt::format("{}m{:02}s", whole / 60, whole % 60);
  if (whole < 86400) return fmt::format("{}h{:02}m", whole / 3600, whole / 60 % 60);
  return fmt::format("{}d{:02}h", whole / 86400, whole / 3600 % 24);
}

}  // namespace samepage
