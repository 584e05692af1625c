// SPDX-License-Identifier: Apache-2.0
// A guest that serves is suspended and resumed: how much of its memory comes back, and how long it is until
// it answers; until it has read all of its memory again. Beside the same guest that was only paused, in
// turns.
#include <fmt/format.h>

#include <chrono>

#include "base/elapsed.hpp"
#include "base/process_memory.hpp"
#include "bench/cases/cases.hpp"
#include "bench/live_guests.hpp"
#include "bench/page_outs.hpp"
#include "bench/statistics.hpp"
#include "manage/cli/console_dialogue.hpp"

namespace samepage::bench {
namespace {

using nlohmann::json;
using Clock = std::chrono::steady_clock;

constexpr std::string_view name = "suspend";
constexpr const char* guest = "guest";

// A request that is there when the guest goes on: how long until it is answered.
double until_answer(const LiveGuests& guests, cli::ConsoleDialogue& console, const std::string& request) {
  console.type(request);
  const auto start = Clock::now();
  static_cast<void>(guests.run({"resume", guest}));
  LiveGuests::wait_until([&] { return !console.answer("answer").empty(); });
  return ms_since(start);
}

struct Figures {
  std::vector<double> suspend, of_own, of_available, answer, all, paused_answer, paused_all;
};

void measure_memory(const LiveGuests& guests, Figures& figures) {
  const pid_t pid = guests.ask({"stat", guest}).at("pid");
  const std::uint64_t before = memory_of(pid).value_or(ProcessMemory{}).pss_anon;
  const auto free_before = static_cast<double>(host_memory("MemAvailable"));
  const auto start = Clock::now();
  static_cast<void>(guests.ask({"suspend", guest}));
  figures.suspend.push_back(ms_since(start));
  const auto free_after = static_cast<double>(host_memory("MemAvailable"));
  const std::uint64_t after = memory_of(pid).value_or(ProcessMemory{}).pss_anon;
  figures.of_own.push_back(100 - 100 * static_cast<double>(after) / static_cast<double>(before));
  figures.of_available.push_back(100 * (free_after - free_before) / static_cast<double>(before));
}

void measure_run(Bench& bench) {
  const PagingFolder folder(bench.options);
  const LiveGuests guests(bench, name);
  guests.start_serving(guest);
  static_cast<void>(guests.ask({"paging", "--add", folder.spec()}));
  cli::ConsoleDialogue console(guest);
  Figures figures;
  for (std::uint32_t round = 0; round < bench.options.rounds; ++round) {
    measure_memory(guests, figures);
    figures.answer.push_back(until_answer(guests, console, "ping"));
    static_cast<void>(guests.run({"suspend", guest}));
    figures.all.push_back(until_answer(guests, console, "look"));
    static_cast<void>(guests.run({"pause", guest}));
    figures.paused_answer.push_back(until_answer(guests, console, "ping"));
    static_cast<void>(guests.run({"pause", guest}));
    figures.paused_all.push_back(until_answer(guests, console, "look"));
    // What it had to itself before: it writes all of its memory.
    console.type(fmt::format("change {}", guests.serving_pages()));
    LiveGuests::wait_until([&] { return !console.answer("answer").empty(); });
  }
  const auto add = [&](std::string_view metric, std::string_view unit, const std::vector<double>& values) {
    bench.report.add(name, metric, unit, Party::samepage, percentile(values, 50));
  };
  add("memory given back: Pss_Anon", "%", figures.of_own);
  add("memory given back: MemAvailable", "% of Pss_Anon", figures.of_available);
  add("suspend: command", "ms", figures.suspend);
  add("resume to its first answer", "ms", figures.answer);
  add("only paused: resume to its first answer", "ms", figures.paused_answer);
  add("resume until all its memory was read", "ms", figures.all);
  add("only paused: resume until all its memory was read", "ms", figures.paused_all);
  const double more_us = 1000 * (percentile(figures.all, 50) - percentile(figures.paused_all, 50));
  add("a page that comes back", "us", {more_us / static_cast<double>(guests.serving_pages())});
}

}  // namespace

void measure_suspend(Bench& bench) {
  for (std::uint32_t run = 0; run < bench.options.runs; ++run) measure_run(bench);
}

}  // namespace samepage::bench
