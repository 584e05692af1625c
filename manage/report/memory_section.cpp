// SPDX-License-Identifier: Apache-2.0
#include "manage/report/memory_section.hpp"

#include <fmt/format.h>

#include <array>
#include <cstddef>
#include <optional>
#include <utility>
#include <vector>

#include "manage/report/chart.hpp"
#include "manage/report/history_chart.hpp"
#include "manage/report/html.hpp"

namespace samepage::report {
namespace {

constexpr std::size_t small_moments = 120;
constexpr std::size_t many_guests = 24;

std::vector<Series> memory_series(std::vector<std::optional<double>> own,
                                  std::vector<std::optional<double>> shared,
                                  std::vector<std::optional<double>> zero,
                                  std::vector<std::optional<double>> untouched) {
  return {{"private", "own", std::move(own)},
          {"shared", "shared", std::move(shared)},
          {"zero", "zero", std::move(zero)},
          {"untouched", "untouched", std::move(untouched)}};
}

// At most small_moments of the history's moments.
std::string guest_card(const History& history, const GuestTrack& guest) {
  const std::vector<HostMoment>& moments = history.moments();
  const std::size_t step = (moments.size() + small_moments - 1) / small_moments;
  Chart chart;
  chart.shape = Shape::stacked;
  std::array<std::vector<std::optional<double>>, 4> kinds;
  bool gap = false;
  for (std::size_t i = 0; i < moments.size(); ++i) {
    gap = gap || moments[i].after_gap;
    if (i % step != 0 && i + 1 != moments.size()) continue;
    chart.times.push_back(moments[i].time - moments.front().time);
    chart.after_gap.push_back(std::exchange(gap, false));
    const std::optional<MemoryKinds> at = i < guest.memory.size() ? guest.memory[i] : std::nullopt;
    const auto add = [&](std::size_t kind, std::uint64_t MemoryKinds::*bytes) {
      kinds[kind].emplace_back(at ? std::optional<double>(as_double((*at).*bytes)) : std::nullopt);
    };
    add(0, &MemoryKinds::own);
    add(1, &MemoryKinds::shared);
    add(2, &MemoryKinds::zero);
    add(3, &MemoryKinds::untouched);
  }
  chart.series =
      memory_series(std::move(kinds[0]), std::move(kinds[1]), std::move(kinds[2]), std::move(kinds[3]));
  const std::string sizes =
      fmt::format("private {}, shared {}, zero {}", size_text(as_double(guest.last.own)),
                  size_text(as_double(guest.last.shared)), size_text(as_double(guest.last.zero)));
  const std::string name = html(guest.name);
  return fmt::format(
      R"(<div class="guest"><h3 title="{0}">{0}</h3><p title="{1}">{1}</p><div class="picture">{2}</div>)"
      R"(<p><b>{3}</b> own of {4}</p></div>)",
      name, html(fmt::format("{} · {}", guest.domain, guest.image)),
      small_chart(chart, fmt::format("Memory of {} over time; at the end {}", guest.name, sizes)),
      size_text(as_double(guest.last.own)), size_text(as_double(guest.last.ram())));
}

}  // namespace

std::string memory_section(const History& history) {
  Chart all =
      chart_of(history, "memory", "All guests",
               "The memory that guests were given, by what stands behind it. Only what is private, and one "
               "copy of what is shared, takes memory of the host.");
  all.shape = Shape::stacked;
  all.series = memory_series(values_of(history, [](const HostMoment& at) { return at.memory.own; }),
                             values_of(history, [](const HostMoment& at) { return at.memory.shared; }),
                             values_of(history, [](const HostMoment& at) { return at.memory.zero; }),
                             values_of(history, [](const HostMoment& at) { return at.memory.untouched; }));
  std::string cards;
  for (const auto& [name, guest] : history.guests()) cards += guest_card(history, guest);
  cards = "<div class=\"guests\">" + cards + "</div>";
  if (history.guests().size() > many_guests) {
    cards = fmt::format("<details><summary>Each of the {} guests</summary>{}</details>",
                        count_text(history.guests().size()), cards);
  }
  if (history.not_told_apart() > 0) {
    cards += fmt::format("<p class=\"note\">{} further guests are in the sums alone.</p>",
                         count_text(history.not_told_apart()));
  }
  return "<h2>Memory by kind</h2><p class=\"lead\">Private: a guest's own. Shared: mapped from a frame. "
         "Zero: given "
         "back to the host. Untouched: never written.</p>" +
         chart_html(all) + cards;
}

}  // namespace samepage::report
