// SPDX-License-Identifier: Apache-2.0
#include "manage/report/page.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <ctime>
#include <utility>

#include "base/check.hpp"
#include "manage/report/analysis_section.hpp"
#include "manage/report/chart.hpp"
#include "manage/report/costs_section.hpp"
#include "manage/report/history_chart.hpp"
#include "manage/report/html.hpp"
#include "manage/report/matrix_html.hpp"
#include "manage/report/memory_section.hpp"
#include "manage/report/page_parts.hpp"

namespace samepage::report {
namespace {

using nlohmann::json;

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
  std::string body = head(history, source) + tiles(history) + savings(history) + memory_section(history) +
                     costs_section(history);
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
