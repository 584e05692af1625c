// SPDX-License-Identifier: Apache-2.0
// Long because a picture, its legend, its table and what its script needs are made from the same bands.
#include "manage/report/chart.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>

#include "base/json.hpp"
#include "manage/report/html.hpp"

namespace samepage::report {
namespace {

using nlohmann::json;

// Inside a picture; it is stretched to whatever it gets.
constexpr double side = 1000;
constexpr std::size_t most_table_rows = 13;

// A curve, or the area between two.
struct Band {
  const Series* series = nullptr;
  std::vector<std::optional<double>> low;  // empty: a curve
  std::vector<std::optional<double>> high;
};

std::vector<Band> bands_of(const Chart& chart) {
  std::vector<Band> bands;
  std::vector<std::optional<double>> below(chart.times.size(), 0.0);
  for (const Series& series : chart.series) {
    if (chart.shape == Shape::lines) {
      bands.push_back({&series, {}, series.values});
      continue;
    }
    std::vector<std::optional<double>> above(chart.times.size());
    for (std::size_t i = 0; i < chart.times.size(); ++i) {
      if (i < series.values.size() && series.values[i] && below[i]) above[i] = *below[i] + *series.values[i];
    }
    bands.push_back({&series, below, above});
    below = std::move(above);
  }
  return bands;
}

struct Frame {
  Axis x;
  Axis y;

  [[nodiscard]] long at_x(double value) const {
    return std::lround(side * (value - x.low) / (x.high - x.low));
  }
  [[nodiscard]] long at_y(double value) const {
    return std::lround(side - side * (value - y.low) / (y.high - y.low));
  }
};

Frame frame_of(const Chart& chart, const std::vector<Band>& bands) {
  double least = 0;
  double most = 0;
  for (const Band& band : bands) {
    for (const std::optional<double>& value : band.high) {
      if (!value) continue;
      least = std::min(least, *value);
      most = std::max(most, *value);
    }
  }
  return {time_axis(chart.times.empty() ? 0 : chart.times.back()), value_axis(least, most, chart.scale)};
}

// Stretches of moments that are joined: [first, end).
std::vector<std::pair<std::size_t, std::size_t>> stretches(const Chart& chart, const Band& band) {
  std::vector<std::pair<std::size_t, std::size_t>> found;
  bool open = false;
  for (std::size_t i = 0; i < chart.times.size(); ++i) {
    const bool known = i < band.high.size() && band.high[i].has_value();
    if (!known || (i < chart.after_gap.size() && chart.after_gap[i])) open = false;
    if (!known) continue;
    if (!open) found.emplace_back(i, i);
    open = true;
    found.back().second = i + 1;
  }
  return found;
}

std::string points(const Chart& chart, const Frame& frame, const std::vector<std::optional<double>>& values,
                   std::size_t first, std::size_t end) {
  std::string text;
  for (std::size_t i = first; i < end; ++i) {
    fmt::format_to(std::back_inserter(text), "{}{} {}", i == first ? "" : "L", frame.at_x(chart.times[i]),
                   frame.at_y(*values[i]));
  }
  // A single moment is seen as well.
  if (end == first + 1) text += fmt::format("h{}", chart.times.size() == 1 ? side : 4);
  return text;
}

std::string reversed_points(const Chart& chart, const Frame& frame,
                            const std::vector<std::optional<double>>& values, std::size_t first,
                            std::size_t end) {
  std::string text;
  if (end == first + 1) text += fmt::format("V{}", frame.at_y(*values[first]));
  for (std::size_t i = end; i > first; --i) {
    fmt::format_to(std::back_inserter(text), "L{} {}", frame.at_x(chart.times[i - 1]),
                   frame.at_y(*values[i - 1]));
  }
  return text + "Z";
}

std::string paths(const Chart& chart, const Frame& frame, const std::vector<Band>& bands) {
  std::string text;
  for (const Band& band : bands) {
    std::string path;
    for (const auto& [first, end] : stretches(chart, band)) {
      path += "M" + points(chart, frame, band.high, first, end);
      if (!band.low.empty()) path += reversed_points(chart, frame, band.low, first, end);
    }
    if (path.empty()) continue;
    text += fmt::format(R"(<path class="{} {}{}" d="{}"/>)", band.low.empty() ? "line" : "band",
                        band.series->colour, band.series->dashed ? " dashed" : "", path);
  }
  return text;
}

enum class Titled : std::uint8_t { no, yes };

// A title is shown where the pointer rests; where the script shows values there, it would be in their way.
std::string svg(const Frame& frame, const std::string& content, const std::string& label, Titled titled) {
  std::string grid;
  for (const double tick : frame.y.ticks) {
    grid += fmt::format(R"(<path class="grid{}" d="M0 {}H{}"/>)", tick == 0 ? " zero" : "", frame.at_y(tick),
                        side);
  }
  return fmt::format(R"(<svg viewBox="0 0 {0} {0}" preserveAspectRatio="none" role="img" aria-label="{1}">)"
                     R"({2}{3}{4}</svg>)",
                     side, html(label), titled == Titled::yes ? "<title>" + html(label) + "</title>" : "",
                     grid, content);
}

std::string legend(const Chart& chart) {
  std::string items;
  for (const Series& series : chart.series) {
    const auto last = std::find_if(series.values.rbegin(), series.values.rend(),
                                   [](const std::optional<double>& value) { return value.has_value(); });
    items +=
        fmt::format(R"(<li><i class="key {}{}{}"></i>{} <b>{}</b></li>)", series.colour,
                    chart.shape == Shape::lines ? " of-line" : "", series.dashed ? " dashed" : "",
                    html(series.name), last == series.values.rend() ? "" : value_text(**last, chart.scale));
  }
  return fmt::format(R"(<ul class="legend" aria-label="Last values">{}</ul>)", items);
}

std::string labels(const Frame& frame, Scale scale) {
  std::string y;
  for (const double tick : frame.y.ticks) {
    y += fmt::format(R"(<span style="top:{:.2f}%">{}</span>)",
                     static_cast<double>(frame.at_y(tick)) / side * 100, value_text(tick, scale));
  }
  std::string x;
  for (std::size_t i = 0; i < frame.x.ticks.size(); ++i) {
    const double left = static_cast<double>(frame.at_x(frame.x.ticks[i])) / side * 100;
    const char* edge = left > 94 ? " class=\"end\"" : left < 3 ? " class=\"begin\"" : "";
    x += fmt::format(R"(<span{} style="left:{:.2f}%">{}</span>)", edge, left, elapsed_text(frame.x.ticks[i]));
  }
  return fmt::format(
      R"(<div class="y" aria-hidden="true">{}</div><div class="x" aria-hidden="true">{}</div>)", y, x);
}

// Evenly spread, the first and the last among them.
std::vector<std::size_t> table_moments(std::size_t count) {
  const std::size_t rows = std::min(count, most_table_rows);
  std::vector<std::size_t> moments;
  for (std::size_t i = 0; i < rows; ++i) moments.push_back(rows == 1 ? 0 : i * (count - 1) / (rows - 1));
  return moments;
}

std::string table(const Chart& chart) {
  std::vector<std::string> heads{"Time"};
  for (const Series& series : chart.series) heads.push_back(html(series.name));
  std::vector<std::vector<std::string>> rows;
  for (const std::size_t moment : table_moments(chart.times.size())) {
    std::vector<std::string> row{elapsed_text(std::round(chart.times[moment] * 10) / 10)};
    for (const Series& series : chart.series) {
      const bool known = moment < series.values.size() && series.values[moment];
      row.push_back(known ? value_text(*series.values[moment], chart.scale) : "–");
    }
    rows.push_back(std::move(row));
  }
  return table_html(heads, rows);
}

// What the script shows where the pointer is.
std::string values_for_script(const Chart& chart) {
  json series = json::array();
  for (const Series& one : chart.series) {
    json values = json::array();
    for (std::size_t i = 0; i < chart.times.size(); ++i) {
      const bool known = i < one.values.size() && one.values[i];
      values.push_back(known ? json(std::round(*one.values[i] * 10) / 10) : json());
    }
    series.push_back({{"name", one.name}, {"colour", one.colour}, {"values", std::move(values)}});
  }
  json times = json::array();
  for (const double time : chart.times) times.push_back(std::round(time * 10) / 10);
  static constexpr const char* scales[] = {"bytes", "per_second", "percent"};
  return script_json({{"times", std::move(times)},
                      {"series", std::move(series)},
                      {"scale", scales[static_cast<std::size_t>(chart.scale)]}});
}

std::string summary(const Chart& chart) {
  std::string text = chart.title + ": at the end";
  for (const Series& series : chart.series) {
    if (series.values.empty() || !series.values.back()) continue;
    text += fmt::format(" {} {},", series.name, value_text(*series.values.back(), chart.scale));
  }
  text.back() = '.';
  return text;
}

}  // namespace

std::string chart_html(const Chart& chart) {
  const std::vector<Band> bands = bands_of(chart);
  const Frame frame = frame_of(chart, bands);
  return fmt::format(
      R"(<figure class="chart" aria-labelledby="{0}"><figcaption><h3 id="{0}">{1}</h3><p>{2}</p></figcaption>{3})"
      R"(<div class="plot">{4}<div class="area">{5}</div><script type="application/json">{6}</script></div>)"
      R"(<details><summary>Values as a table</summary><div class="scroll">{7}</div></details></figure>)",
      html(chart.id), html(chart.title), html(chart.text), legend(chart), labels(frame, chart.scale),
      svg(frame, paths(chart, frame, bands), summary(chart), Titled::no), values_for_script(chart),
      table(chart));
}

std::string small_chart(const Chart& chart, const std::string& label) {
  const std::vector<Band> bands = bands_of(chart);
  Frame frame = frame_of(chart, bands);
  frame.y.ticks.clear();
  double most = 1;
  for (const Band& band : bands) {
    for (const std::optional<double>& value : band.high) most = std::max(most, value.value_or(0));
  }
  frame.y.high = most;
  return svg(frame, paths(chart, frame, bands), label, Titled::yes);
}

std::string table_html(const std::vector<std::string>& heads,
                       const std::vector<std::vector<std::string>>& rows) {
  std::string text = "<table><thead><tr>";
  for (const std::string& head : heads) text += "<th scope=\"col\">" + head + "</th>";
  text += "</tr></thead><tbody>";
  for (const std::vector<std::string>& row : rows) {
    text += "<tr>";
    for (std::size_t i = 0; i < row.size(); ++i) {
      text += i == 0 ? "<th scope=\"row\">" + row[i] + "</th>" : "<td>" + row[i] + "</td>";
    }
    text += "</tr>";
  }
  return text + "</tbody></table>";
}

}  // namespace samepage::report
