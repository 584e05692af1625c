// SPDX-License-Identifier: Apache-2.0
// How long guests are held while they are merged and one of them works. ksmd does not hold guests: a writer
// waits inside the kernel, page by page.
#include <fmt/format.h>

#include "base/check.hpp"
#include "bench/cases/cases.hpp"
#include "bench/interruption.hpp"
#include "bench/statistics.hpp"

namespace samepage::bench {
namespace {

constexpr std::string_view name = "hold";
constexpr unsigned churn_spacing = 10;            // every tenth page is written
constexpr std::chrono::seconds merging_time{10};  // with a guest that works, sharing never settles

struct Holds {
  std::vector<double> wall;  // nanoseconds each
  std::vector<double> cpu;
};

// The holder sends them in pieces.
void append(Holds& holds, Holder& holder) {
  for (;;) {
    const auto reply = holder.ask({{"do", "holds"}});
    const std::vector<double> wall = reply.at("wall_ns"), cpu = reply.at("cpu_ns");
    if (wall.empty()) return;
    holds.wall.insert(holds.wall.end(), wall.begin(), wall.end());
    holds.cpu.insert(holds.cpu.end(), cpu.begin(), cpu.end());
  }
}

void add_rows(Bench& bench, const std::string& which, const Holds& holds) {
  if (holds.wall.empty()) return;
  const auto add = [&](std::string_view figure, std::string_view unit, double value) {
    bench.report.add(name, fmt::format("{}: {}", which, figure), unit, Party::samepage, value);
  };
  add("holds", "", static_cast<double>(holds.wall.size()));
  for (const double percent : {50.0, 99.0, 100.0}) {
    add(fmt::format("p{:.0f}", percent), "us", percentile(holds.wall, percent) / 1e3);
  }
  // The time that the engine itself takes. The rest is a host with more threads than processors.
  add("p99 of the CPU time in it", "us", percentile(holds.cpu, 99) / 1e3);
}

void measure_at(Bench& bench, Pace pace, std::string_view knobs) {
  Holders holders = hold(bench.images);
  const auto engine = bench.engine(Party::samepage);
  engine->set_pace(pace);
  holders.front().ask({{"do", "churn"}, {"spacing", churn_spacing}});
  engine->merge(holders);
  pause_for(merging_time);
  engine->rest();
  Holds working, quiet;
  for (Holder& holder : holders) append(&holder == &holders.front() ? working : quiet, holder);
  add_rows(bench, fmt::format("working guest, {}", knobs), working);
  add_rows(bench, fmt::format("quiet guests, {}", knobs), quiet);
}

}  // namespace

void measure_hold(Bench& bench) {
  if (!bench.measures(Party::samepage))
    throw UserError("hold: ksmd holds no guest; leave --without-samepage out");
  bench.in_turns(name, [&](Party party) {
    if (party == Party::ksmd) return;
    measure_at(bench, Pace::standard, "default knobs");
    measure_at(bench, Pace::fastest, "fastest");
  });
}

}  // namespace samepage::bench
