// SPDX-License-Identifier: Apache-2.0
// Values of a history for a chart: one of each moment.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "manage/report/chart.hpp"
#include "manage/report/history.hpp"

namespace samepage::report {

inline double as_double(std::uint64_t value) {
  return static_cast<double>(value);
}

/// What `take` makes of each moment.
template <typename Take>
std::vector<std::optional<double>> values_of(const History& history, Take take) {
  std::vector<std::optional<double>> values;
  for (const HostMoment& moment : history.moments()) values.emplace_back(static_cast<double>(take(moment)));
  return values;
}

/// A chart of all moments, without values yet.
inline Chart chart_of(const History& history, std::string id, std::string title, std::string text) {
  Chart chart;
  chart.id = std::move(id);
  chart.title = std::move(title);
  chart.text = std::move(text);
  for (const HostMoment& moment : history.moments()) {
    chart.times.push_back(moment.time - history.moments().front().time);
    chart.after_gap.push_back(moment.after_gap);
  }
  return chart;
}

}  // namespace samepage::report
