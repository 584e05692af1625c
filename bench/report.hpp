// SPDX-License-Identifier: Apache-2.0
// What the bench prints: one row for each metric of a case, ours beside ksmd's. The cases add values run by
// run; the report makes medians and ratios of them. Pure.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bench/statistics.hpp"

namespace samepage::bench {

/// Whose figure it is.
enum class Party : std::uint8_t { samepage, ksmd };
std::string_view name_of(Party party);

struct Row {
  std::string bench_case;
  std::string metric;
  std::string unit;
  std::optional<Spread> samepage;
  std::optional<Spread> ksmd;

  /// Ours : ksmd's; empty unless both are there and ksmd's is not 0.
  [[nodiscard]] std::optional<double> ratio() const;
};

class Report {
 public:
  /// One run's value of a metric. Rows stand in the order in which they were first added to.
  void add(std::string_view bench_case, std::string_view metric, std::string_view unit, Party party,
           double value);

  [[nodiscard]] std::vector<Row> rows() const;

 private:
  struct Values {
    Row row;
    std::vector<double> samepage;
    std::vector<double> ksmd;
  };
  std::vector<Values> values_;
};

/// A table for people: medians, and in brackets the lowest and highest of several runs.
std::string table_of(const std::vector<Row>& rows);
/// {"rows": [{case, metric, unit, samepage, ksmd, ratio, samepage_min, samepage_max, samepage_runs, ksmd_min,
/// ksmd_max, ksmd_runs}]}: samepage and ksmd are medians; null where a party was not measured.
nlohmann::json json_of(const std::vector<Row>& rows);

}  // namespace samepage::bench
