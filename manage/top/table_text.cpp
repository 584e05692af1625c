// SPDX-License-Identifier: Apache-2.0
#include "manage/top/table_text.hpp"

#include <fmt/format.h>

#include <cmath>

namespace samepage::top {
namespace {

using nlohmann::json;

std::string quoted(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string result = "\"";
  for (const char letter : text) result += letter == '"' ? "\"\"" : std::string(1, letter);
  return result + "\"";
}

std::string number_text(double number) {
  return number == std::floor(number) ? fmt::format("{:.0f}", number) : fmt::format("{:.3f}", number);
}

std::string csv_text(const Cell& cell) {
  if (const double* number = std::get_if<double>(&cell)) return number_text(*number);
  if (const std::string* text = std::get_if<std::string>(&cell)) return quoted(*text);
  return {};
}

json json_text(const Cell& cell) {
  if (const double* number = std::get_if<double>(&cell)) {
    if (*number == std::floor(*number)) return static_cast<std::int64_t>(*number);
    return *number;
  }
  if (const std::string* text = std::get_if<std::string>(&cell)) return *text;
  return nullptr;
}

}  // namespace

std::string csv_head() {
  std::string line = "time";
  for (const Column& column : columns()) line += "," + column.key;
  return line + "\n";
}

std::string csv_lines(std::span<const Row> rows, double time) {
  std::string lines;
  for (const Row& row : rows) {
    lines += fmt::format("{:.3f}", time);
    for (const Cell& cell : row.cells) lines += "," + csv_text(cell);
    lines += "\n";
  }
  return lines;
}

json json_of(const guests::Snapshot& snapshot, std::span<const Row> rows, double time) {
  json list = json::array();
  for (const Row& row : rows) {
    json guest = json::object();
    for (std::size_t i = 0; i < row.cells.size(); ++i) guest[columns()[i].key] = json_text(row.cells[i]);
    list.push_back(std::move(guest));
  }
  return {{"time", time}, {"host", snapshot.host}, {"guests", std::move(list)}};
}

}  // namespace samepage::top
