// SPDX-License-Identifier: Apache-2.0
#include "manage/top/screen_table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace samepage::top {
namespace {

constexpr std::size_t gap = 1;
constexpr std::size_t least_name = 8;

std::string padded(const std::string& text, std::size_t width) {
  return text.size() >= width ? text.substr(0, width) : text + std::string(width - text.size(), ' ');
}

std::size_t width_in_table(std::size_t index) {
  const Column& column = columns()[index];
  if (column.key == "state") return 1;
  if (column.key == "domain") return 10;
  return column.width;
}

bool is_text(const Column& column) {
  return column.figure.unit == Unit::text;
}

std::string letter_of(const Row& row) {
  const char first = row.answers && !row.state.empty() ? row.state.front() : '?';
  return std::string(1, first >= 'a' && first <= 'z' ? static_cast<char>(first - 32) : '?');
}

std::string cell_text(const Layout& layout, std::size_t index, const std::string& text) {
  if (index == 0) return padded(text, layout.name_width);
  const std::size_t width = width_in_table(index);
  return std::string(gap, ' ') +
         (is_text(columns()[index]) ? padded(text, width) : fmt::format("{:>{}}", text, width));
}

}  // namespace

Layout layout_of(const View& view, std::size_t width) {
  constexpr std::size_t most_name = 32;
  std::size_t name = least_name;
  for (const Row& row : view.shown()) name = std::max(name, row.name.size());
  name = std::min(name, most_name);
  Layout layout;
  layout.name_width = least_name;
  layout.columns.push_back(0);
  std::size_t used = least_name;
  for (std::size_t i = 1; i < columns().size(); ++i) {
    if (columns()[i].key == "image") continue;
    const std::size_t with = used + gap + width_in_table(i);
    if (with > width) break;
    used = with;
    layout.columns.push_back(i);
    if (i != column("hold_max_us")) continue;
    layout.name_width = std::min(name, least_name + width - used);
    used += layout.name_width - least_name;
  }
  return layout;
}

Line head_line(const Layout& layout, const View& view, std::size_t width) {
  Line line;
  std::size_t used = 0;
  for (const std::size_t index : layout.columns) {
    const std::string heading = columns()[index].key == "state" ? "S" : columns()[index].heading;
    std::string text = cell_text(layout, index, heading);
    used += text.size();
    const bool sorted = index == view.arrangement().sort;
    line.push_back({sorted ? Style::selected : Style::head, std::move(text)});
  }
  line.push_back({Style::head, std::string(width - std::min(width, used), ' ')});
  return line;
}

Line row_line(const Layout& layout, const Row& row, bool selected, std::size_t width) {
  std::string text;
  for (const std::size_t index : layout.columns) {
    const Column& column = columns()[index];
    const std::string cell = column.key == "state" ? letter_of(row) : text_of(column, row.cells.at(index));
    if (!row.answers && column.key == "saved_bytes") {
      text += " not answering";
      break;
    }
    text += cell_text(layout, index, cell);
  }
  if (selected) text = padded(text, width);
  const Style quiet = !row.answers ? Style::bad : row.state == "running" ? Style::plain : Style::faint;
  return {{selected ? Style::selected : quiet, std::move(text)}};
}

}  // namespace samepage::top
