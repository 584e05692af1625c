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

// `read` takes a counter out of what a guest tells.
template <typename Read>
std::optional<double> growth_of(const json& before, const json& now, Read read, double seconds) {
  if (seconds <= 0 || number(before, "pid") != number(now, "pid")) return std::nullopt;
  const std::uint64_t first = read(before);
  const std::uint64_t last = read(now);
  if (last < first) return std::nullopt;
  return static_cast<double>(last - first) / seconds;
}

// In microseconds, since it started.
std::uint64_t held_us(const json& guest) {
  const auto histogram = guest.find("hold_us");
  return histogram != guest.end() && histogram->is_object() ? number(*histogram, "sum") : 0;
}

}  // namespace

std::optional<double> growth(const json& before, const json& now, std::string_view key, double seconds) {
  return growth_of(
      before, now, [key](const json& told) { return number(told, key); }, seconds);
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
    const auto rate_of = [&](auto read) -> std::optional<double> {
      if (before == before_.end()) return std::nullopt;
      return growth_of(before->second.guest, guest, read, seconds - before->second.seconds);
    };
    const auto rate = [&](std::string_view key) {
      return rate_of([key](const json& told) { return number(told, key); });
    };
    for (const Column& column : columns()) {
      Cell cell;
      if (column.shown == Shown::value) cell = value_of(column.figure, guest);
      if (row.answers && column.shown == Shown::rate) cell = cell_of(rate(column.figure.key));
      if (row.answers && column.shown == Shown::held) cell = cell_of(rate_of(held_us));
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
