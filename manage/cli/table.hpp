// SPDX-License-Identifier: Apache-2.0
// Tables of text whose columns line up. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace samepage::cli {

enum class Align : std::uint8_t { left, right };

struct Column {
  std::string title;
  Align align = Align::left;
};

/// Rows under titled columns; each column is as wide as its widest cell. Without any title there is no head.
class Table {
 public:
  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}

  /// Missing cells at the end are empty; there may be no more cells than columns.
  void add_row(std::vector<std::string> cells);
  /// Lines that end in '\n', without blanks at their ends; each begins with `indent` blanks.
  [[nodiscard]] std::string render(std::size_t indent = 0) const;

 private:
  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace samepage::cli
