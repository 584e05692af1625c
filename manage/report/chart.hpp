// SPDX-License-Identifier: Apache-2.0
// Pictures of values over time as HTML: the curves are SVG that stretches, all text is HTML and does not.
// Each picture has its values as a table too. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "manage/report/ticks.hpp"

namespace samepage::report {

struct Series {
  std::string name;
  std::string colour;                         // a class of page_style: "own", "shared", ...
  std::vector<std::optional<double>> values;  // beside the times; nothing: not known
  bool dashed = false;
};

enum class Shape : std::uint8_t { lines, stacked };

struct Chart {
  std::string id;     // unique in the page
  std::string title;  // plain text, as all text here
  std::string text;   // what it shows, for people
  Shape shape = Shape::lines;
  Scale scale = Scale::bytes;
  std::vector<double> times;    // seconds from the first one
  std::vector<bool> after_gap;  // beside them: nothing joins this one to the one before
  std::vector<Series> series;
};

/// A figure with title, legend, picture and table.
[[nodiscard]] std::string chart_html(const Chart& chart);
/// The picture alone, small; `label` says what it shows.
[[nodiscard]] std::string small_chart(const Chart& chart, const std::string& label);

/// A table. Cells are HTML already; the first of a row is its head. `numbers`: all others are numbers.
[[nodiscard]] std::string table_html(const std::vector<std::string>& heads,
                                     const std::vector<std::vector<std::string>>& rows);

}  // namespace samepage::report
