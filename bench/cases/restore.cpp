// SPDX-License-Identifier: Apache-2.0
// A guest that is written into a file, and guests that go on from there, beside a cold start of the same
// guest.
#include <fmt/format.h>

#include <chrono>

#include "base/elapsed.hpp"
#include "base/process_memory.hpp"
#include "bench/cases/cases.hpp"
#include "bench/live_guests.hpp"
#include "bench/statistics.hpp"

namespace samepage::bench {
namespace {

using nlohmann::json;
using Clock = std::chrono::steady_clock;

constexpr std::string_view name = "restore";

void add(Bench& bench, const std::string& figure, std::string_view unit, double value) {
  bench.report.add(name, figure, unit, Party::samepage, value);
}

void measure_run(Bench& bench) {
  const LiveGuests guests(bench, name);
  auto start = Clock::now();
  guests.start_filled("parent");
  const double cold = ms_since(start);
  add(bench, "cold start until the guest is warm", "ms", cold);
  const std::string file = guests.file("parent.snap");
  start = Clock::now();
  const json taken = guests.ask({"snapshot", "parent", file});
  add(bench, "snapshot: command", "ms", ms_since(start));
  add(bench, "snapshot: guest held", "ms", taken.at("held_us").get<double>() / 1000);
  start = Clock::now();
  const json part = guests.ask({"snapshot", "parent", guests.file("part"), "--incremental", file});
  add(bench, "incremental snapshot: command", "ms", ms_since(start));
  add(bench, "incremental snapshot: pages copied", "",
      part.at("pages").get<double>() + part.at("pages_held").get<double>());
  start = Clock::now();
  static_cast<void>(guests.ask({"check", file}));
  add(bench, "check: command", "ms", ms_since(start));
  std::vector<double> times;
  for (unsigned i = 0; i < bench.options.forks; ++i) {
    start = Clock::now();
    static_cast<void>(guests.run({"restore", file, "--detach", "--name", "restored"}));
    times.push_back(ms_since(start));
    guests.kill({"restored"});
  }
  add_percentiles(bench, name, "command until the guest runs", "ms", times);
  add(bench, "command : cold start", "", percentile(times, 50) / cold);
  add_many(bench, guests, name, "guest", {"restore", file, "--detach", "--name", "many"});
}

}  // namespace

void measure_restore(Bench& bench) {
  for (std::uint32_t run = 0; run < bench.options.runs; ++run) measure_run(bench);
}

}  // namespace samepage::bench
