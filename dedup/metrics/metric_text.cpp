// SPDX-License-Identifier: Apache-2.0
#include "dedup/metrics/metric_text.hpp"

#include <fmt/format.h>

#include <array>
#include <iterator>

#include "base/utf8.hpp"

namespace samepage::dedup {
namespace {

constexpr std::array<std::string_view, 4> type_names{"gauge", "counter", "histogram", "info"};

// The same three characters in both formats, of label values; HELP has no quotes to end.
std::string escaped(std::string_view text, bool quotes) {
  std::string result;
  for (const char c : text) {
    if (c == '\\') {
      result += "\\\\";
    } else if (c == '\n') {
      result += "\\n";
    } else if (c == '"' && quotes) {
      result += "\\\"";
    } else {
      result += c;
    }
  }
  return result;
}

}  // namespace

std::string MetricFamily::full_name() const {
  if (type == MetricType::counter) return name + "_total";
  return type == MetricType::info ? name + "_info" : name;
}

std::string label(std::string_view name, std::string_view value) {
  return fmt::format("{}=\"{}\"", name, escaped(utf8_text(value), true));
}

std::string seconds_text(std::uint64_t microseconds) {
  return fmt::format("{}.{:06}", microseconds / 1'000'000U, microseconds % 1'000'000U);
}

void MetricText::begin(MetricFamily family) {
  family_ = std::move(family);
  full_name_ = family_.full_name();
  headed_ = false;
}

// OpenMetrics names the family, the older format the metric.
void MetricText::write_head() {
  headed_ = true;
  const bool open = format_ == MetricFormat::openmetrics;
  const std::string& name = open ? family_.name : full_name_;
  const bool unknown = family_.type == MetricType::info && !open;
  const std::string_view type = unknown ? "gauge" : type_names.at(static_cast<std::size_t>(family_.type));
  auto out = std::back_inserter(text_);
  fmt::format_to(out, "# HELP {} {}\n# TYPE {} {}\n", name, escaped(family_.help, open), name, type);
  if (open && !family_.unit.empty()) fmt::format_to(out, "# UNIT {} {}\n", name, family_.unit);
}

void MetricText::line(std::string_view suffix, std::string_view labels, std::string_view value) {
  if (!headed_) write_head();
  text_.append(full_name_).append(suffix);
  if (!labels.empty()) text_.append("{").append(labels).append("}");
  text_.append(" ").append(value).append("\n");
}

void MetricText::sample(std::string_view labels, std::string_view value) {
  line("", labels, value);
}

void MetricText::sample(std::string_view labels, const HoldTimes& times) {
  std::uint64_t so_far = 0;
  std::string with_end;
  for (std::size_t i = 0; i < HoldTimes::buckets; ++i) {
    so_far += times.holds.at(i);
    with_end.assign(labels).append(labels.empty() ? "le=\"" : ",le=\"");
    if (i < HoldTimes::up_to_us.size()) {
      fmt::format_to(std::back_inserter(with_end), "{}",
                     static_cast<double>(HoldTimes::up_to_us.at(i)) / 1e6);
    } else {
      with_end += "+Inf";
    }
    with_end += '"';
    line("_bucket", with_end, fmt::format_int(so_far).c_str());
  }
  line("_sum", labels, seconds_text(times.sum_us));
  line("_count", labels, fmt::format_int(so_far).c_str());
}

std::string MetricText::finish() {
  if (format_ == MetricFormat::openmetrics) text_ += "# EOF\n";
  return std::move(text_);
}

}  // namespace samepage::dedup
