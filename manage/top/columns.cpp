// SPDX-License-Identifier: Apache-2.0
#include "manage/top/columns.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/check.hpp"
#include "base/units.hpp"
#include "vmm/control/guest_figures.hpp"

namespace samepage::top {
namespace {

constexpr Figure saved_figure{"saved_bytes", "saved", Unit::bytes, Kind::gauge,
                              "its part of what merging saves"};
constexpr Figure processor_figure{"cpu_percent", "cpu", Unit::count, Kind::gauge,
                                  "of one processor, by its process"};
constexpr Figure held_figure{"held_us", "held", Unit::microseconds, Kind::counter,
                             "how long it was held in all"};

struct Choice {
  std::string_view key;
  Shown shown = Shown::value;
};

constexpr std::array choices{
    Choice{"name"},
    Choice{"state"},
    Choice{"saved_bytes", Shown::saved},
    Choice{"private_bytes"},
    Choice{"shared_bytes"},
    Choice{"zero_bytes"},
    Choice{"untouched_bytes"},
    Choice{"breaks", Shown::rate},
    Choice{"hold_max_us"},
    Choice{"domain"},
    Choice{"cpu_percent", Shown::processor},
    Choice{"held_us", Shown::held},
    Choice{"ram_bytes"},
    Choice{"swapped_bytes"},
    Choice{"pss_anon_bytes"},
    Choice{"vmas"},
    Choice{"merges", Shown::rate},
    Choice{"failed_merges", Shown::rate},
    Choice{"holds", Shown::rate},
    Choice{"uptime_s"},
    Choice{"pid"},
    Choice{"image"},
};

Figure figure_of(const Choice& choice) {
  if (choice.shown == Shown::saved) return saved_figure;
  if (choice.shown == Shown::processor) return processor_figure;
  if (choice.shown == Shown::held) return held_figure;
  for (const vmm::GuestFigure& known : vmm::guest_figures()) {
    if (known.figure.key == choice.key) return known.figure;
  }
  invariant(false, "a column of top shows a figure that guests do not have");
  return {};
}

bool is_of_a_second(Shown shown) {
  return shown == Shown::rate || shown == Shown::held;
}

std::string heading_of(const Figure& figure, Shown shown) {
  std::string heading(figure.title);
  heading.erase(0, heading.find_first_not_of(' '));
  std::transform(heading.begin(), heading.end(), heading.begin(), [](char letter) {
    return letter >= 'a' && letter <= 'z' ? static_cast<char>(letter - 32) : letter;
  });
  return is_of_a_second(shown) ? heading + "/S" : heading;
}

std::vector<Column> make_columns() {
  constexpr std::size_t widest_number = 7;  // "1023.9M"
  std::vector<Column> columns;
  for (const Choice& choice : choices) {
    const Figure figure = figure_of(choice);
    std::string heading = heading_of(figure, choice.shown);
    std::string key = std::string(figure.key) + (is_of_a_second(choice.shown) ? "_per_s" : "");
    const std::size_t width = std::max(heading.size(), widest_number);
    columns.push_back({figure, choice.shown, std::move(heading), std::move(key), width});
  }
  return columns;
}

std::string number_text(const Column& column, double number) {
  const auto whole = static_cast<std::uint64_t>(std::max(number, 0.0) + 0.5);
  if (column.shown == Shown::processor) return fmt::format("{:.1f}%", number);
  if (column.shown == Shown::rate)
    return number < 99.95 ? fmt::format("{:.1f}", number) : std::to_string(whole);
  switch (column.figure.unit) {
    case Unit::bytes:
      return format_short_size(whole);
    case Unit::microseconds:
      if (number < 1e4) return fmt::format("{}us", whole);
      return number < 1e7 ? fmt::format("{:.0f}ms", number / 1e3) : fmt::format("{:.0f}s", number / 1e6);
    case Unit::seconds:
      return format_uptime(number);
    case Unit::count:
    case Unit::signed_bytes:
    case Unit::yes_or_no:
    case Unit::text:
    case Unit::structure:
      break;
  }
  return std::to_string(whole);
}

}  // namespace

std::span<const Column> columns() {
  static const std::vector<Column> made = make_columns();
  return made;
}

std::size_t column(std::string_view key) {
  const auto all = columns();
  const auto found = std::find_if(all.begin(), all.end(), [&](const Column& one) { return one.key == key; });
  invariant(found != all.end(), "top has no such column");
  return static_cast<std::size_t>(found - all.begin());
}

std::string printable(std::string_view text) {
  std::string clean(text);
  std::replace_if(
      clean.begin(), clean.end(), [](char letter) { return letter < ' ' || letter > '~'; }, '?');
  return clean;
}

std::string text_of(const Column& column, const Cell& cell) {
  if (const double* number = std::get_if<double>(&cell)) return number_text(column, *number);
  if (const std::string* text = std::get_if<std::string>(&cell)) return printable(*text);
  return "-";
}

}  // namespace samepage::top
