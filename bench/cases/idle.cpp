// SPDX-License-Identifier: Apache-2.0
// One further pass over guests that are merged already: it should cost what was written since the last, not
// what there is. Other pages are written before each pass, and settle in the next.
#include <fmt/format.h>

#include <array>

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

}  // namespace

void measure_idle(Bench& bench) {
  bench.in_turns(name, [&](Party party) {
    Holders holders = hold(bench.images);
    const auto engine = bench.engine(party);
    settle(*engine, holders, bench.options);
    engine->set_pace(Pace::stepwise);
    engine->make_pass();
    engine->make_pass();
    std::uint64_t round = 0;
    for (const int percent : written_percent) {
      write_pages(holders, percent, ++round);
      engine->make_pass();
      const auto before = engine->cpu_time();
      for (std::uint32_t i = 0; i < bench.options.rounds; ++i) {
        write_pages(holders, percent, ++round);
        engine->make_pass();
      }
      const auto used = engine->cpu_time() - before;
      bench.report.add(name, fmt::format("CPU of a pass, {} % written", percent), "ms", party,
                       seconds(used) * 1e3 / bench.options.rounds);
    }
  });
}

}  // namespace samepage::bench
