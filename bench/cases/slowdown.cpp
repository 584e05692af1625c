// SPDX-License-Identifier: Apache-2.0
// What working guests lose to merging: work done in a second, as a share of what they did when nothing
// merged. Two of the guests work, all are merged.
#include <fmt/format.h>

#include <algorithm>

#include "bench/cases/cases.hpp"
#include "bench/interruption.hpp"
#include "bench/work.hpp"

namespace samepage::bench {
namespace {

constexpr std::string_view name = "slowdown";
constexpr unsigned churn_spacing = 10;
constexpr std::size_t workers = 2;
constexpr std::chrono::seconds merging_time{5};

WorkRate work_rate(Holders& holders, const Options& options) {
  const Work before = work_of(holders);
  pause_for(std::chrono::seconds(options.rounds));
  return rate_between(before, work_of(holders));
}

}  // namespace

void measure_slowdown(Bench& bench) {
  bench.in_turns(name, [&](Party party) {
    Holders holders = hold(bench.images);
    const auto engine = bench.engine(party);
    for (std::size_t i = 0; i < std::min(workers, holders.size()); ++i) {
      holders[i].ask({{"do", "churn"}, {"spacing", churn_spacing}});
    }
    const WorkRate alone = work_rate(holders, bench.options);
    engine->set_pace(Pace::fastest);
    engine->merge(holders);
    pause_for(merging_time);
    for (const Pace pace : {Pace::fastest, Pace::standard}) {
      engine->set_pace(pace);
      pause_for(std::chrono::seconds(1));
      const WorkRate merged = work_rate(holders, bench.options);
      const std::string_view knobs = pace == Pace::fastest ? "fastest" : "default knobs";
      const auto add = [&](std::string_view metric, double now, double before) {
        bench.report.add(name, fmt::format("{}, {}", metric, knobs), "% of alone", party, 100 * now / before);
      };
      add("work done", merged.wall, alone.wall);
      add("work done in a second of the workers' own CPU time", merged.cpu, alone.cpu);
    }
  });
}

}  // namespace samepage::bench
