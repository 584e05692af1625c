// SPDX-License-Identifier: Apache-2.0
#include "manage/cli/table.hpp"

#include <algorithm>

#include "base/check.hpp"

namespace samepage::cli {
namespace {

constexpr std::size_t gap = 2;

void append_cell(std::string& line, const std::string& cell, std::size_t width, Align align) {
  const std::string padding(width - cell.size(), ' ');
  line += align == Align::right ? padding + cell : cell + padding;
}

void append_line(std::string& text, std::string line) {
  line.resize(line.find_last_not_of(' ') + 1);
  text += line + '\n';
}

}  // namespace

void Table::add_row(std::vector<std::string> cells) {
  invariant(cells.size() <= columns_.size(), "a table row has more cells than the table has columns");
  cells.resize(columns_.size());
  rows_.push_back(std::move(cells));
}

std::string Table::render(std::size_t indent) const {
  std::vector<std::string> titles;
  for (const Column& column : columns_) titles.push_back(column.title);
  std::vector<std::vector<std::string>> lines;
  const bool headed =
      std::any_of(titles.begin(), titles.end(), [](const auto& title) { return !title.empty(); });
  if (headed) lines.push_back(titles);
  lines.insert(lines.end(), rows_.begin(), rows_.end());
  std::vector<std::size_t> widths(columns_.size(), 0);
  for (const auto& cells : lines) {
    for (std::size_t i = 0; i < cells.size(); ++i) widths[i] = std::max(widths[i], cells[i].size());
  }
  std::string text;
  for (const auto& cells : lines) {
    std::string line(indent, ' ');
    for (std::size_t i = 0; i < cells.size(); ++i) {
      if (i > 0) line.append(gap, ' ');
      append_cell(line, cells[i], widths[i], columns_[i].align);
    }
    append_line(text, std::move(line));
  }
  return text;
}

}  // namespace samepage::cli
