// SPDX-License-Identifier: Apache-2.0
// The first write to a merged page: the kernel copies it, and the guest waits. Nothing else runs meanwhile.
#include <fmt/format.h>

#include <array>

#include "base/check.hpp"
#include "bench/cases/cases.hpp"
#include "bench/statistics.hpp"

namespace samepage::bench {
namespace {

constexpr std::string_view name = "break";
constexpr unsigned breaks = 2000;

struct Way {
  std::string_view text;
  std::string_view content;
  bool read_first;
};
constexpr std::array ways{Way{"page read before", "common", true},
                          Way{"page untouched since its merge", "common", false},
                          Way{"zero page, read before", "zero", true}};

}  // namespace

void measure_break(Bench& bench) {
  ImagePattern pattern = bench.options.pattern;
  pattern.zero_percent = 40, pattern.common_percent = 50, pattern.own_percent = 10, pattern.alike_percent = 0;
  std::vector<Image> images;
  // A guest for each way, so that none writes what another has broken; and one that keeps the frames alive.
  for (std::uint32_t guest = 0; guest <= ways.size(); ++guest) images.emplace_back(pattern, guest);
  bench.in_turns(name, [&](Party party) {
    Holders holders = hold(images);
    const auto engine = bench.engine(party);
    settle(*engine, holders, bench.options);
    engine->rest();
    for (std::size_t i = 0; i < ways.size(); ++i) {
      const auto reply = holders[i].ask({{"do", "time breaks"},
                                         {"content", ways[i].content},
                                         {"read_first", ways[i].read_first},
                                         {"count", breaks}});
      const std::vector<double> times = reply.at("ns");
      if (times.empty() || static_cast<double>(times.size()) < 0.9 * reply.at("written").get<double>()) {
        throw UserError(
            fmt::format("break: only {} of {} written pages were merged; give more --pages, or raise --limit",
                        times.size(), reply.at("written").get<std::size_t>()));
      }
      for (const double percent : {50.0, 99.0}) {
        bench.report.add(name, fmt::format("{}, p{:.0f}", ways[i].text, percent), "us", party,
                         percentile(times, percent) / 1e3);
      }
    }
  });
}

}  // namespace samepage::bench
