// SPDX-License-Identifier: Apache-2.0
#include "manage/top/rows.hpp"

#include <cmath>
#include <utility>

#include "manage/guests/figures.hpp"

namespace samepage::top {
namespace {

using guests::number;
using nlohmann::json;

// A guest's process may answer anything; what is not what it should be counts as not told.
std::string text(const json& guest, std::string_view key) {
  const auto found = guest.find(key);
  return found != guest.end() && found->is_string() ? found->get<std::string>() : std::string();
}

Cell value_of(const Figure& figure, const json& guest) {
  const auto found = guest.find(figure.key);
  if (found == guest.end()) return {};
  if (figure.unit == Unit::text) return found->is_string() ? Cell(found->get<std::string>()) : Cell();
  return found->is_number() ? Cell(found->get<double>()) : Cell();
}

Cell cell_of(std::optional<double> number) {
  return number ? Cell(*number) : Cell();
}

}  // namespace

std::optional<double> growth(const json& before, const json& now, std::string_view key, double seconds) {
  if (seconds <= 0 || number(before, "pid") != number(now, "pid")) return std::nullopt;
  const std::uint64_t first = number(before, key);
  const std::uint64_t last = number(now, key);
  if (last < first) return std::nullopt;
  return static_cast<double>(last - first) / seconds;
}

double saved_by(const json& guest, const json& host) {
  const auto frames = static_cast<double>(number(host, "pages_shared"));
  const auto further = static_cast<double>(number(host, "pages_sharing"));
  const double part = frames + further > 0 ? further / (frames + further) : 0;
  return static_cast<double>(number(guest, "zero_bytes")) +
         part * static_cast<double>(number(guest, "shared_bytes"));
}

std::vector<Row> RowMaker::rows(const guests::Snapshot& snapshot, double seconds) {
  std::map<std::string, Before> now;
  std::vector<Row> rows;
  for (const json& guest : snapshot.guests) {
    Row row{
        text(guest, "name"), text(guest, "state"), text(guest, "domain"), guest.contains("ram_bytes"), {}};
    const auto before = before_.find(row.name);
    const auto rate = [&](std::string_view key) -> std::optional<double> {
      if (before == before_.end()) return std::nullopt;
      return growth(before->second.guest, guest, key, seconds - before->second.seconds);
    };
    for (const Column& column : columns()) {
      Cell cell;
      if (column.shown == Shown::value) cell = value_of(column.figure, guest);
      if (row.answers && column.shown == Shown::rate) cell = cell_of(rate(column.figure.key));
      if (row.answers && column.shown == Shown::saved) cell = std::round(saved_by(guest, snapshot.host));
      if (row.answers && column.shown == Shown::processor) {
        const std::optional<double> user = rate("cpu_user_us");
        const std::optional<double> system = rate("cpu_system_us");
        if (user && system) cell = (*user + *system) / 1e4;
      }
      row.cells.push_back(std::move(cell));
    }
    if (row.answers) {
      now[row.name] = {guest, seconds};
    } else if (before != before_.end()) {
      now[row.name] = before->second;  // a rate over the whole silence, once it answers
    }
    rows.push_back(std::move(row));
  }
  before_ = std::move(now);
  return rows;
}

}  // namespace samepage::top
