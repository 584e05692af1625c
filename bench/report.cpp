// SPDX-License-Identifier: Apache-2.0
#include "bench/report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/json.hpp"
#include "manage/cli/table.hpp"

namespace samepage::bench {
namespace {

using nlohmann::json;

// Three significant digits: no measurement here is better than that.
std::string number_text(double value) {
  const double size = std::abs(value);
  const int decimals = size == 0 || size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 4;
  return fmt::format("{:.{}f}", value, decimals);
}

std::string spread_text(const std::optional<Spread>& spread) {
  if (!spread) return "-";
  if (spread->runs == 1) return number_text(spread->median);
  return fmt::format("{} ({}..{})", number_text(spread->median), number_text(spread->min),
                     number_text(spread->max));
}

void add_spread(json& row, const std::string& party, const std::optional<Spread>& spread) {
  row[party] = spread ? json(spread->median) : json();
  row[party + "_min"] = spread ? json(spread->min) : json();
  row[party + "_max"] = spread ? json(spread->max) : json();
  row[party + "_runs"] = spread ? spread->runs : 0;
}

}  // namespace

std::string_view name_of(Party party) {
  return party == Party::samepage ? "samepage" : "ksmd";
}

std::optional<double> Row::ratio() const {
  if (!samepage || !ksmd || ksmd->median == 0) return std::nullopt;
  return samepage->median / ksmd->median;
}

void Report::add(std::string_view bench_case, std::string_view metric, std::string_view unit, Party party,
                 double value) {
  auto found = std::find_if(values_.begin(), values_.end(), [&](const Values& values) {
    return values.row.bench_case == bench_case && values.row.metric == metric;
  });
  if (found == values_.end()) {
    const Row row{std::string(bench_case), std::string(metric), std::string(unit), {}, {}};
    found = values_.insert(found, {row, {}, {}});
  }
  (party == Party::samepage ? found->samepage : found->ksmd).push_back(value);
}

std::vector<Row> Report::rows() const {
  std::vector<Row> rows;
  for (const Values& values : values_) {
    Row row = values.row;
    if (!values.samepage.empty()) row.samepage = spread_of(values.samepage);
    if (!values.ksmd.empty()) row.ksmd = spread_of(values.ksmd);
    rows.push_back(std::move(row));
  }
  return rows;
}

std::string table_of(const std::vector<Row>& rows) {
  using cli::Align;
  cli::Table table({{"CASE"},
                    {"METRIC"},
                    {"UNIT"},
                    {"SAMEPAGE", Align::right},
                    {"KSMD", Align::right},
                    {"RATIO", Align::right}});
  for (const Row& row : rows) {
    const auto ratio = row.ratio();
    table.add_row({row.bench_case, row.metric, row.unit, spread_text(row.samepage), spread_text(row.ksmd),
                   ratio ? fmt::format("{:.3f}", *ratio) : "-"});
  }
  return table.render();
}

json json_of(const std::vector<Row>& rows) {
  json all = json::array();
  for (const Row& row : rows) {
    json entry{{"case", row.bench_case}, {"metric", row.metric}, {"unit", row.unit}};
    add_spread(entry, std::string(name_of(Party::samepage)), row.samepage);
    add_spread(entry, std::string(name_of(Party::ksmd)), row.ksmd);
    const auto ratio = row.ratio();
    entry["ratio"] = ratio ? json(*ratio) : json();
    all.push_back(std::move(entry));
  }
  return {{"rows", std::move(all)}};
}

}  // namespace samepage::bench
