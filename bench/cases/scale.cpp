// SPDX-License-Identifier: Apache-2.0
// The same memory in more and more guests: what a page costs must stay flat.
#include <fmt/format.h>

#include "bench/cases/cases.hpp"
#include "bench/convergence.hpp"

namespace samepage::bench {
namespace {

constexpr std::string_view name = "scale";
constexpr std::uint32_t most_guests = 64;

}  // namespace

void measure_scale(Bench& bench) {
  for (std::uint32_t guests = 1; guests <= most_guests; guests *= 4) {
    std::vector<Image> images;
    for (std::uint32_t guest = 0; guest < guests; ++guest) images.emplace_back(bench.options.pattern, guest);
    const auto pages = static_cast<double>(guests * bench.options.pattern.pages.value);
    bench.in_turns(fmt::format("{}, {} guests", name, guests), [&](Party party) {
      Holders holders = hold(images);
      const auto engine = bench.engine(party);
      engine->set_pace(Pace::fastest);
      const auto samples = watch(
          *engine, [&] { engine->merge(holders); }, bench.options.limit);
      const Sample end = settled(samples);
      bench.report.add(name, fmt::format("CPU a page, {} guests", guests), "us", party,
                       seconds(end.cpu) * 1e6 / pages);
      bench.report.add(name, fmt::format("time a page, {} guests", guests), "us", party,
                       seconds(end.at) * 1e6 / pages);
    });
  }
}

}  // namespace samepage::bench
