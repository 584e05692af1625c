// SPDX-License-Identifier: Apache-2.0
// One further pass over guests that are merged already. Its cost should follow what was written since the
// last pass, not the size of the guests. Other pages are written before each pass, and settle in the next.
#include <fmt/format.h>

#include <array>
#include <vector>

#include "bench/cases/cases.hpp"

namespace samepage::bench {
namespace {

constexpr std::string_view name = "idle";
constexpr std::array written_percent{0, 1, 10};

void write_pages(Holders& holders, int percent, std::uint64_t round) {
  std::uint64_t salt = 0;
  for (Holder& holder : holders) {
    holder.ask({{"do", "write"}, {"share", percent / 100.0}, {"round", round}, {"salt", ++salt}});
  }
}

// Milliseconds of a pass, for each share of written_percent.
std::vector<double> costs_of_passes(Bench& bench, Engine& engine) {
  Holders holders = hold(bench.images);
  settle(engine, holders, bench.options);
  engine.set_pace(Pace::stepwise);
  engine.make_pass();
  engine.make_pass();
  std::uint64_t round = 0;
  std::vector<double> costs;
  for (const int percent : written_percent) {
    write_pages(holders, percent, ++round);
    engine.make_pass();
    const auto before = engine.cpu_time();
    for (std::uint32_t i = 0; i < bench.options.rounds; ++i) {
      write_pages(holders, percent, ++round);
      engine.make_pass();
    }
    costs.push_back(seconds(engine.cpu_time() - before) * 1e3 / bench.options.rounds);
  }
  return costs;
}

}  // namespace

// With smart_scan ksmd leaves out pages that it could not merge before, for up to eight scans: such a scan is
// cheaper, and what has changed is found that much later. Both are shown, ours beside each.
void measure_idle(Bench& bench) {
  bench.in_turns(name, [&](Party party) {
    const auto add = [&](std::string_view scans, const std::vector<double>& costs) {
      for (std::size_t i = 0; i < costs.size(); ++i) {
        bench.report.add(name, fmt::format("CPU of a pass, {} % written{}", written_percent[i], scans), "ms",
                         party, costs[i]);
      }
    };
    constexpr std::string_view all, skipping = " (smart_scan)";
    if (party == Party::samepage) {
      const auto costs = costs_of_passes(bench, *bench.engine(party));
      add(all, costs);
      add(skipping, costs);
    } else {
      add(all, costs_of_passes(bench, *make_ksmd_engine(SmartScan::off)));
      add(skipping, costs_of_passes(bench, *make_ksmd_engine(SmartScan::on)));
    }
  });
}

}  // namespace samepage::bench
