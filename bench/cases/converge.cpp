// SPDX-License-Identifier: Apache-2.0
// A guest joins others that have settled: how long until it shares what it can.
#include <fmt/format.h>

#include <array>

#include "base/check.hpp"
#include "bench/cases/cases.hpp"
#include "bench/convergence.hpp"

namespace samepage::bench {
namespace {

constexpr std::string_view name = "converge";

void join(Bench& bench, Party party, Pace pace, std::uint64_t sharable) {
  Holders settled_guests = hold({bench.images.begin(), bench.images.end() - 1});
  Holders newcomer = hold({bench.images.back()});
  const auto engine = bench.engine(party);
  settle(*engine, settled_guests, bench.options);
  engine->set_pace(pace);
  const std::uint64_t before = engine->pages_shared();
  const auto samples = watch(
      *engine, [&] { engine->merge(newcomer); }, bench.options.limit);
  const std::string_view knobs = pace == Pace::fastest ? "fastest" : "default knobs";
  for (const std::uint64_t percent : {90U, 95U}) {
    const auto enough = reached(samples, before + (sharable * percent + 99) / 100);
    const std::string metric = fmt::format("time to {} %, {}", percent, knobs);
    if (!enough) bench.note(name, party, fmt::format("{}: never reached", metric));
    if (enough) bench.report.add(name, metric, "s", party, seconds(enough->at));
  }
  bench.report.add(name, fmt::format("CPU, {}", knobs), "s", party, seconds(settled(samples).cpu));
}

}  // namespace

void measure_converge(Bench& bench) {
  if (bench.images.size() < 2)
    throw UserError("converge needs two images at least: the last one joins the others");
  const std::uint64_t with = count_sharable(bench.images);
  const std::uint64_t without = count_sharable({bench.images.begin(), bench.images.end() - 1});
  if (with == without)
    throw UserError("converge: the last image has no page to share with the others; give another");
  bench.in_turns(name, [&](Party party) {
    join(bench, party, Pace::fastest, with - without);
    // With its own defaults ksmd needs minutes for a small guest, so that is not compared.
    if (party == Party::samepage) join(bench, party, Pace::standard, with - without);
  });
}

}  // namespace samepage::bench
