// SPDX-License-Identifier: Apache-2.0
// All images at once, from nothing merged to all merged: what it takes and what comes out.
#include "base/check.hpp"
#include "bench/cases/cases.hpp"
#include "bench/convergence.hpp"

namespace samepage::bench {
namespace {

constexpr std::string_view name = "merge";

void add_costs(Bench& bench, Engine& engine, Holders& holders, std::uint64_t pages_tracked) {
  const Party party = engine.party();
  const auto guests = static_cast<double>(holders.size());
  std::uint64_t vmas = 0, tables = 0;
  for (Holder& holder : holders) {
    vmas += holder.ask({{"do", "counters"}}).at("vmas").get<std::uint64_t>();
    tables += holder.page_tables();
  }
  if (const auto metadata = engine.costs().metadata_bytes) {
    bench.report.add(name, "metadata a tracked page", "bytes", party,
                     static_cast<double>(*metadata) / static_cast<double>(pages_tracked));
  }
  bench.report.add(name, "mappings a guest", "VMAs", party, static_cast<double>(vmas) / guests);
  bench.report.add(name, "page tables a guest", "KiB", party, static_cast<double>(tables) / 1024 / guests);
}

}  // namespace

void measure_merge(Bench& bench) {
  const MemorySet set = memory_set_of(bench.images);
  const std::uint64_t sharable = set.figures.saved_pages();
  if (sharable == 0) throw UserError("merge: no two pages of these images are equal; give others");
  bench.set = set.figures;
  const std::uint64_t pages = set.figures.pages;
  bench.in_turns(name, [&](Party party) {
    // In each round of turns, so that what slows the host down slows all of them down.
    if (party == bench.parties.front()) bench.floors.push_back(measure_floor(bench.images, set));
    const double floor = seconds(bench.floors.back().total());
    Holders holders = hold(bench.images);
    const auto engine = bench.engine(party);
    engine->set_pace(Pace::fastest);
    const auto samples = watch(
        *engine, [&] { engine->merge(holders); }, bench.options.limit);
    const Sample end = settled(samples);
    const auto most = reached(samples, (sharable * 95 + 99) / 100);
    const auto add = [&](std::string_view metric, std::string_view unit, double value) {
      bench.report.add(name, metric, unit, party, value);
    };
    add("CPU", "s", seconds(end.cpu));
    add("CPU, of the floor", "x", seconds(end.cpu) / floor);
    add("CPU of the whole host meanwhile", "s", seconds(end.host_cpu));
    add("CPU a page", "us", seconds(end.cpu) * 1e6 / static_cast<double>(pages));
    if (!most) bench.note(name, party, "95 % of all duplicates were never merged");
    if (most) add("time to 95 % of all duplicates", "s", seconds(most->at));
    add("time to the end", "s", seconds(end.at));
    add("exact duplicates merged", "%",
        100 * static_cast<double>(end.pages_shared) / static_cast<double>(sharable));
    add("saved", "MiB", static_cast<double>(PageCount{end.pages_shared}.bytes()) / (1 << 20));
    engine->rest();
    add_costs(bench, *engine, holders, pages);
  });
}

}  // namespace samepage::bench
