// SPDX-License-Identifier: Apache-2.0
// The same memory in more and more guests: what a page costs must stay flat.
#include <fmt/format.h>

#include <algorithm>

#include "base/process_memory.hpp"
#include "base/standard_output.hpp"
#include "bench/cases/cases.hpp"
#include "bench/convergence.hpp"

namespace samepage::bench {
namespace {

constexpr std::string_view name = "scale";
}  // namespace

void measure_scale(Bench& bench) {
  // One alone has nothing to share but pages of zeros.
  for (std::uint32_t guests = std::min(bench.options.most, 4U); guests <= bench.options.most; guests *= 4) {
    if (const std::uint64_t wanted = guests * bench.options.pattern.pages.bytes();
        wanted > host_memory("MemAvailable") / 10 * 9) {
      complain(fmt::format("samepage-bench: {}: {} guests are left out: they take {} MiB; give fewer --pages",
                           name, guests, wanted >> 20U));
      break;
    }
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
      bench.report.add(name, fmt::format("duplicates merged, {} guests", guests), "pages a guest", party,
                       static_cast<double>(end.pages_shared) / guests);
      bench.report.add(name, fmt::format("time a page, {} guests", guests), "us", party,
                       seconds(end.at) * 1e6 / pages);
    });
  }
}

}  // namespace samepage::bench
