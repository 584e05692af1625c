// SPDX-License-Identifier: Apache-2.0
// What a guest at work, whose working set stays in memory, loses while the others go out to a paging file:
// work done in a second, as a share of what it does alone, in turns.
#include <chrono>

#include "base/check.hpp"
#include "bench/cases/cases.hpp"
#include "bench/interruption.hpp"
#include "bench/page_outs.hpp"
#include "bench/work.hpp"

namespace samepage::bench {
namespace {

constexpr std::string_view name = "beside";

void measure_run(Bench& bench) {
  const ImagePattern pattern = all_own(bench.options.pattern);
  std::vector<Image> images;
  for (std::uint32_t guest = 0; guest < bench.options.guests; ++guest) images.emplace_back(pattern, guest);
  const PagingFolder folder(bench.options);
  Holders holders = hold(images);
  SamepageEngine engine(bench.options.knobs, folder.words());
  engine.set_pace(Pace::standard);
  engine.merge(holders);
  const std::span worker = std::span(holders).first(1);
  const std::span others = std::span(holders).subspan(1);
  worker.front().ask({{"do", "churn"}, {"spacing", 1}});
  pause_for(std::chrono::seconds(1));
  for (std::uint32_t round = 0; round < bench.options.rounds; ++round) {
    const auto cpu_before = engine.cpu_time();
    const Work start = work_of(worker);
    begin_page_out(others);
    const std::uint64_t out = finish_page_out(others);
    const Work out_now = work_of(worker);
    const double time = seconds(out_now.at - start.at);
    const double cpu = seconds(engine.cpu_time() - cpu_before);
    for (Holder& other : others) other.ask({{"do", "write"}, {"share", 1.0}, {"round", round}, {"salt", 1}});
    pause_for(std::chrono::seconds(1));
    const Work alone_from = work_of(worker);
    pause_for(out_now.at - start.at);
    const WorkRate alone = rate_between(alone_from, work_of(worker)), beside = rate_between(start, out_now);
    const auto add = [&](std::string_view metric, std::string_view unit, double value) {
      bench.report.add(name, metric, unit, Party::samepage, value);
    };
    add("work done", "% of alone", 100 * beside.wall / alone.wall);
    add("work done in a second of its own CPU time", "% of alone", 100 * beside.cpu / alone.cpu);
    add("others went out", "MiB/s", static_cast<double>(PageCount{out}.bytes() >> 20U) / time);
    add("CPU of that, of one processor", "%", 100 * cpu / time);
  }
}

}  // namespace

void measure_beside(Bench& bench) {
  if (!bench.measures(Party::samepage)) return;
  if (bench.options.guests < 2) throw UserError("beside needs two guests at least; give more --guests");
  for (std::uint32_t run = 0; run < bench.options.runs; ++run) measure_run(bench);
}

}  // namespace samepage::bench
