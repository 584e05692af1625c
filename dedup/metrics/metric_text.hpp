// SPDX-License-Identifier: Apache-2.0
// Metrics as text, in either of two formats that are nearly the same: OpenMetrics 1.0, and the text format
// 0.0.4 of Prometheus. Knows how families, labels and values are written, not which there are. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "dedup/hold_times.hpp"

namespace samepage::dedup {

enum class MetricFormat : std::uint8_t { openmetrics, prometheus };

enum class MetricType : std::uint8_t { gauge, counter, histogram, info };

/// Metrics of one name that differ in their labels.
struct MetricFamily {
  std::string name;  // without the suffix of a counter or an info
  std::string help;
  std::string unit;  // "bytes", "seconds" or empty; the name ends with it
  MetricType type = MetricType::gauge;

  /// As the metrics themselves are called; of a histogram what its _bucket, _sum and _count begin with.
  [[nodiscard]] std::string full_name() const;
};

/// One label, its value escaped: NAME="VALUE". What is not UTF-8 becomes U+FFFD.
[[nodiscard]] std::string label(std::string_view name, std::string_view value);

/// What times are written as: seconds, exact to the microsecond.
[[nodiscard]] std::string seconds_text(std::uint64_t microseconds);

class MetricText {
 public:
  explicit MetricText(MetricFormat format) : format_(format) {}

  /// The samples that follow are of this family. One without samples is not written.
  void begin(MetricFamily family);
  /// `labels`: label() after label(), with commas between them; may be empty. `value` is a number as text.
  void sample(std::string_view labels, std::string_view value);
  void sample(std::string_view labels, const HoldTimes& times);
  /// All of it; nothing may be added afterwards.
  [[nodiscard]] std::string finish();

 private:
  void write_head();
  void line(std::string_view suffix, std::string_view labels, std::string_view value);

  MetricFormat format_;
  MetricFamily family_;
  std::string full_name_;
  bool headed_ = false;
  std::string text_;
};

}  // namespace samepage::dedup
