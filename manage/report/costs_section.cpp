// SPDX-License-Identifier: Apache-2.0
#include "manage/report/costs_section.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "manage/report/chart.hpp"
#include "manage/report/history_chart.hpp"
#include "manage/report/html.hpp"

namespace samepage::report {
namespace {

// How fast a sum grows, a second, up to each moment; nothing behind a gap. `scale` turns it into what is
// shown.
template <typename Take>
std::vector<std::optional<double>> rates_of(const History& history, Take take, double scale = 1) {
  std::vector<std::optional<double>> rates;
  const std::vector<HostMoment>& moments = history.moments();
  for (std::size_t i = 0; i < moments.size(); ++i) {
    const bool joined = i > 0 && !moments[i].after_gap && moments[i].time > moments[i - 1].time;
    rates.emplace_back();
    if (!joined) continue;
    const double growth = as_double(take(moments[i])) - as_double(take(moments[i - 1]));
    rates.back() = scale * growth / (moments[i].time - moments[i - 1].time);
  }
  return rates;
}

std::string hold_bars(const History& history) {
  const HoldHistogram& holds = history.holds();
  std::uint64_t most = 1;
  std::uint64_t all = 0;
  for (const std::uint64_t count : holds.holds) {
    most = std::max(most, count);
    all += count;
  }
  std::string rows;
  std::vector<std::vector<std::string>> cells;
  for (std::size_t i = 0; i < holds.holds.size(); ++i) {
    const bool last = i == holds.up_to_us.size();
    const std::string range = last ? "over " + time_text(as_double(holds.up_to_us[i - 1]))
                                   : "up to " + time_text(as_double(holds.up_to_us[i]));
    const double width = 100 * as_double(holds.holds[i]) / as_double(most);
    rows += fmt::format(
        R"(<span class="long">{}</span><div class="{}" style="width:{:.1f}%"></div><span>{}</span>)", range,
        holds.holds[i] > 0 ? "bar" : "none", width, count_text(holds.holds[i]));
    cells.push_back(
        {range, count_text(holds.holds[i]), percent_text(as_double(holds.holds[i]), as_double(all))});
  }
  return fmt::format(
      R"(<figure><figcaption><h3>Hold times</h3><p>How often guests were held for how long while pages were replaced: )"
      R"({} times.</p></figcaption><div class="bars" aria-hidden="true">{}</div><details><summary>Values as a table)"
      R"(</summary><div class="scroll">{}</div></details></figure>)",
      count_text(all), rows, table_html({"Held for", "Times", "Part"}, cells));
}

// Where no histogram was recorded: the longest hold of each guest.
std::string longest_holds(const History& history) {
  std::vector<const GuestTrack*> guests;
  for (const auto& [name, guest] : history.guests()) guests.push_back(&guest);
  std::sort(guests.begin(), guests.end(),
            [](const GuestTrack* a, const GuestTrack* b) { return a->hold_max_us > b->hold_max_us; });
  constexpr std::size_t shown = 8;
  guests.resize(std::min(guests.size(), shown));
  const double most = guests.empty() ? 1 : std::max(1.0, as_double(guests.front()->hold_max_us));
  std::string rows;
  for (const GuestTrack* guest : guests) {
    rows += fmt::format(
        R"(<span class="long">{}</span><div class="bar" style="width:{:.1f}%"></div><span>{}</span>)",
        html(guest->name), 100 * as_double(guest->hold_max_us) / most,
        time_text(as_double(guest->hold_max_us)));
  }
  return fmt::format(
      R"(<figure><figcaption><h3>Longest holds</h3><p>The longest time that each guest was held while )"
      R"(pages were replaced. The table of guests has all.</p></figcaption><div class="bars">{}</div>)"
      R"(</figure>)",
      rows);
}

}  // namespace

std::string costs_section(const History& history) {
  Chart breaks = chart_of(history, "breaks", "Breaks",
                          "Writes to shared and zero pages, a second. The kernel gives "
                          "the guest a copy of its own.");
  breaks.scale = Scale::per_second;
  breaks.series = {{"breaks", "breaks", rates_of(history, [](const HostMoment& at) { return at.breaks; })}};
  std::string text =
      "<h2>What merging costs</h2><p class=\"lead\">Breaks undo savings, holds make guests wait, and "
      "looking for pages takes processor time.</p><div class=\"two\">" +
      chart_html(breaks) + (history.holds().holds.empty() ? longest_holds(history) : hold_bars(history)) +
      "</div>";
  if (!history.knows_cost()) {
    return text +
           "<p class=\"note\">The programs that were recorded do not tell processor time of merging.</p>";
  }
  constexpr double percent_of_us = 100 / 1e6;
  Chart processor =
      chart_of(history, "processor", "Processor time of merging",
               "Percent of one processor: the agents in the guests' processes, and the daemon.");
  processor.shape = Shape::stacked;
  processor.scale = Scale::percent;
  const auto at_least_0 = [](std::vector<std::optional<double>> values) {
    for (std::optional<double>& value : values) {
      if (value) value = std::max(*value, 0.0);
    }
    return values;
  };
  processor.series = {{"agents", "agents",
                       at_least_0(rates_of(
                           history, [](const HostMoment& at) { return at.agents_cpu_us; }, percent_of_us))},
                      {"daemon", "daemon",
                       at_least_0(rates_of(
                           history, [](const HostMoment& at) { return at.daemon_cpu_us; }, percent_of_us))}};
  return text + chart_html(processor);
}

}  // namespace samepage::report
