// SPDX-License-Identifier: Apache-2.0
#include "manage/report/html.hpp"

#include <fmt/format.h>

#include <cmath>

#include "base/json.hpp"
#include "base/units.hpp"
#include "base/utf8.hpp"
#include "dedup/json_text.hpp"

namespace samepage::report {

std::string html(std::string_view text) {
  std::string escaped;
  for (const char letter : utf8_text(text)) {
    switch (letter) {
      case '&':
        escaped += "&amp;";
        break;
      case '<':
        escaped += "&lt;";
        break;
      case '>':
        escaped += "&gt;";
        break;
      case '"':
        escaped += "&quot;";
        break;
      case '\'':
        escaped += "&#39;";
        break;
      default:
        escaped += letter;
    }
  }
  return escaped;
}

std::string script_json(const nlohmann::json& body) {
  std::string escaped;
  for (const char letter : dedup::json_text(body)) {
    if (letter == '<' || letter == '>' || letter == '&') {
      escaped += fmt::format("\\u{:04x}", static_cast<unsigned>(letter));
    } else {
      escaped += letter;
    }
  }
  return escaped;
}

std::string size_text(double bytes) {
  return format_signed_size(static_cast<std::int64_t>(bytes));
}

std::string time_text(double microseconds) {
  if (microseconds < 1e3) return fmt::format("{:.0f} µs", microseconds);
  if (microseconds < 1e6) return fmt::format("{:.1f} ms", microseconds / 1e3);
  if (microseconds < 6e7) return fmt::format("{:.1f} s", microseconds / 1e6);
  return format_uptime(microseconds / 1e6);
}

std::string count_text(std::uint64_t count) {
  std::string text = std::to_string(count);
  for (std::size_t at = text.size(); at > 3;) text.insert(at -= 3, 1, ',');
  return text;
}

std::string percent_text(double part, double whole) {
  return whole == 0 ? "0 %" : fmt::format("{:.1f} %", 100 * part / whole);
}

}  // namespace samepage::report
