// SPDX-License-Identifier: Apache-2.0
// How long guests are held while they are merged, with one that works. ksmd holds nobody: it stops a writer
// inside the kernel, page by page.
#include <fmt/format.h>

#include "bench/cases/cases.hpp"
#include "bench/convergence.hpp"
#include "bench/statistics.hpp"

namespace samepage::bench {
namespace {

constexpr std::string_view name = "stop";
constexpr unsigned churn_spacing = 10;  // every tenth page is written

void measure_at(Bench& bench, Pace pace, std::string_view knobs) {
  Holders holders = hold(bench.images);
  const auto engine = bench.engine(Party::samepage);
  engine->set_pace(pace);
  holders.front().ask({{"do", "churn"}, {"spacing", churn_spacing}});
  const std::chrono::seconds limit(10);  // with a guest that works, sharing never settles
  watch(
      *engine, [&] { engine->merge(holders); }, limit);
  std::vector<double> working, quiet;
  for (Holder& holder : holders) {
    const std::vector<double> holds = holder.ask({{"do", "holds"}}).at("ns");
    auto& all = &holder == &holders.front() ? working : quiet;
    all.insert(all.end(), holds.begin(), holds.end());
  }
  for (const auto& [guest, holds] :
       {std::pair{"working guest", &working}, std::pair{"quiet guests", &quiet}}) {
    if (holds->empty()) continue;
    const auto add = [&](std::string_view figure, std::string_view unit, double value) {
      bench.report.add(name, fmt::format("{}, {}: {}", knobs, guest, figure), unit, Party::samepage, value);
    };
    add("holds", "", static_cast<double>(holds->size()));
    for (const double percent : {50.0, 99.0, 100.0}) {
      add(percent == 100 ? "longest" : fmt::format("p{:.0f}", percent), "us",
          percentile(*holds, percent) / 1e3);
    }
  }
}

}  // namespace

void measure_stop(Bench& bench) {
  bench.in_turns(name, [&](Party party) {
    if (party == Party::ksmd) return;
    measure_at(bench, Pace::standard, "default knobs");
    measure_at(bench, Pace::fastest, "fastest");
  });
}

}  // namespace samepage::bench
