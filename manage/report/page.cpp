// SPDX-License-Identifier: Apache-2.0
#include "manage/report/page.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <ctime>
#include <utility>

#include "base/check.hpp"
#include "manage/report/analysis_section.hpp"
#include "manage/report/chart.hpp"
#include "manage/report/html.hpp"
#include "manage/report/matrix_html.hpp"
#include "manage/report/page_parts.hpp"

namespace samepage::report {
namespace {

using nlohmann::json;

constexpr std::size_t small_moments = 120;
constexpr std::size_t many_guests = 24;

double as_double(std::uint64_t value) {
  return static_cast<double>(value);
}

// One value of each moment.
template <typename Take>
std::vector<std::optional<double>> values_of(const History& history, Take take) {
  std::vector<std::optional<double>> values;
  for (const HostMoment& moment : history.moments()) values.emplace_back(static_cast<double>(take(moment)));
  return values;
}

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

Chart chart_of(const History& history, std::string id, std::string title, std::string text) {
  Chart chart;
  chart.id = std::move(id);
  chart.title = std::move(title);
  chart.text = std::move(text);
  for (const HostMoment& moment : history.moments()) {
    chart.times.push_back(moment.time - history.moments().front().time);
    chart.after_gap.push_back(moment.after_gap);
  }
  return chart;
}

// ---- Parts, from top to bottom.

std::string date_text(double time) {
  return fmt::format("{:%Y-%m-%d %H:%M:%S}", fmt::localtime(static_cast<std::time_t>(time)));
}

double duration_of(const History& history) {
  return history.moments().back().time - history.moments().front().time;
}

std::string head(const History& history, const PageSource& source) {
  std::string text = fmt::format("{}, {} of {} guests, {} samples", date_text(history.moments().front().time),
                                 elapsed_text(std::max(1.0, std::round(duration_of(history)))),
                                 count_text(history.guests().size()), count_text(history.samples()));
  if (!history.tracker().empty()) text += "; written pages are found by " + html(history.tracker());
  if (source.damaged_lines > 0) {
    text += fmt::format(". {} of the record {} not whole and left out", source.damaged_lines,
                        source.damaged_lines == 1 ? "line is" : "lines are");
  }
  return fmt::format("<h1>{}</h1><p class=\"lead\">{}.</p>", html(source.title), text);
}

std::string tile(const std::string& title, const std::string& value, const std::string& more,
                 bool first = false) {
  return fmt::format(R"(<div class="tile{}"><dt>{}</dt><dd>{}</dd><dd>{}</dd></div>)", first ? " first" : "",
                     title, value, more);
}

std::string tiles(const History& history) {
  const HostMoment& last = history.moments().back();
  const auto best =
      std::max_element(history.moments().begin(), history.moments().end(),
                       [](const HostMoment& a, const HostMoment& b) { return a.net_saved < b.net_saved; });
  const double ram = as_double(last.memory.ram());
  const double cost_us = as_double(last.agents_cpu_us + last.daemon_cpu_us);
  const double seconds = std::max(duration_of(history), 1e-3);
  std::string text = tile("Net saved at the end", size_text(static_cast<double>(last.net_saved)),
                          fmt::format("{} of {} that guests have; at best {}",
                                      percent_text(static_cast<double>(last.net_saved), ram), size_text(ram),
                                      size_text(static_cast<double>(best->net_saved))),
                          true);
  text += tile("Saved", size_text(as_double(last.saved)), "further mappings of frames, and zero pages");
  text += tile("Overhead", size_text(as_double(last.overhead)), "memory that merging needs");
  text += tile("Kernel's figure", size_text(as_double(last.kernel)), "memory of guests, daemon and frames");
  text += tile("Breaks", count_text(last.breaks), "writes to shared pages while it was recorded");
  text += tile("Longest hold", time_text(as_double(history.hold_max_us())),
               "of any guest, since the daemon started");
  if (history.knows_cost()) {
    text += tile("Processor time", time_text(cost_us),
                 fmt::format("of merging; {} of one processor", percent_text(cost_us / 1e6, seconds)));
  }
  return "<dl class=\"tiles\">" + text + "</dl>";
}

std::string savings(const History& history) {
  Chart net =
      chart_of(history, "net-saved", "Net saved", "What merging saves, less the memory that it needs.");
  net.series = {{"net saved", "net", values_of(history, [](const HostMoment& at) { return at.net_saved; })},
                {"saved", "saved", values_of(history, [](const HostMoment& at) { return at.saved; }), true}};
  Chart kernel =
      chart_of(history, "kernel", "Memory in use",
               "The kernel counts Pss_Anon of all processes and the blocks of the frame stores. That "
               "includes what the processes need themselves, which our count leaves out.");
  kernel.series = {
      {"the kernel's figure", "kernel", values_of(history, [](const HostMoment& at) { return at.kernel; })},
      {"our count", "counted", values_of(history, [](const HostMoment& at) { return at.counted(); })},
      {"without merging", "without",
       values_of(history,
                 [](const HostMoment& at) {
                   return static_cast<double>(at.counted()) + static_cast<double>(at.net_saved);
                 }),
       true}};
  return "<h2>What merging saves</h2><p class=\"lead\">Our figures, with the kernel's beside them.</p>"
         "<div class=\"two\">" +
         chart_html(net) + chart_html(kernel) + "</div>";
}

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

std::string memory(const History& history) {
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

std::string costs(const History& history) {
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

std::string guests_table(const History& history) {
  std::vector<std::vector<std::string>> rows;
  for (const auto& [name, guest] : history.guests()) {
    rows.push_back({html(guest.name), html(guest.domain), size_text(as_double(guest.last.ram())),
                    size_text(as_double(guest.last.own)), size_text(as_double(guest.last.shared)),
                    size_text(as_double(guest.last.zero)), size_text(as_double(guest.last.untouched)),
                    count_text(guest.merges), count_text(guest.breaks), count_text(guest.holds),
                    time_text(as_double(guest.hold_max_us)), time_text(as_double(guest.cpu_us))});
  }
  return "<h2>Guests</h2><p class=\"lead\">Memory as it was when each guest was seen last; merges, breaks, "
         "holds and "
         "processor time while it was recorded.</p><div class=\"card\"><div class=\"scroll\" tabindex=\"0\" "
         "role=\"region\" aria-label=\"Table of guests\">" +
         table_html({"Guest", "Domain", "RAM", "Private", "Shared", "Zero", "Untouched", "Merges", "Breaks",
                     "Holds", "Longest hold", "Processor time"},
                    rows) +
         "</div></div>";
}

}  // namespace

std::string page_html(const PageSource& source) {
  const History& history = *source.history;
  invariant(!history.moments().empty(), "a report of nothing");
  std::string body =
      head(history, source) + tiles(history) + savings(history) + memory(history) + costs(history);
  body += matrix_section(history.sharing(), history.sharing_time() - history.moments().front().time);
  body += guests_table(history);
  body += analysis_section(source.analysis);
  return fmt::format(
      R"(<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>{}</title>)"
      R"(<meta name="viewport" content="width=device-width, initial-scale=1">)"
      R"(<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'">)"
      R"(<style>{}</style></head><body><main>{}<footer>Written by samepage {}. This page loads nothing.</footer></main>)"
      "<script>{}</script></body></html>\n",
      html(source.title), page_style(), body, SAMEPAGE_VERSION, page_script());
}

json page_json(const PageSource& source) {
  const History& history = *source.history;
  invariant(!history.moments().empty(), "a report of nothing");
  const HostMoment& last = history.moments().back();
  json guests = json::array();
  for (const auto& [name, guest] : history.guests()) {
    guests.push_back({{"name", guest.name},
                      {"domain", guest.domain},
                      {"image", guest.image},
                      {"private_bytes", guest.last.own},
                      {"shared_bytes", guest.last.shared},
                      {"zero_bytes", guest.last.zero},
                      {"untouched_bytes", guest.last.untouched},
                      {"merges", guest.merges},
                      {"breaks", guest.breaks},
                      {"holds", guest.holds},
                      {"hold_max_us", guest.hold_max_us},
                      {"cpu_us", guest.cpu_us}});
  }
  return {{"started", history.moments().front().time},
          {"ended", last.time},
          {"samples", history.samples()},
          {"damaged_lines", source.damaged_lines},
          {"ram_bytes", last.memory.ram()},
          {"saved_bytes", last.saved},
          {"overhead_bytes", last.overhead},
          {"net_saved_bytes", last.net_saved},
          {"kernel_bytes", last.kernel},
          {"breaks", last.breaks},
          {"hold_max_us", history.hold_max_us()},
          {"merge_cpu_us", history.knows_cost() ? json(last.agents_cpu_us) : json()},
          {"daemon_cpu_us", history.knows_cost() ? json(last.daemon_cpu_us) : json()},
          {"guests", std::move(guests)},
          {"sharing", to_json(history.sharing())}};
}

}  // namespace samepage::report
