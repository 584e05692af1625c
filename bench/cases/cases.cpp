// SPDX-License-Identifier: Apache-2.0
#include "bench/cases/cases.hpp"

#include <fmt/format.h>

#include <array>

#include "bench/convergence.hpp"

namespace samepage::bench {

std::span<const Case> all_cases() {
  static constexpr std::array cases{
      Case{"merge", "merging all images from the beginning", measure_merge},
      Case{"idle", "a further pass when 0, 1 and 10 % of the pages were written", measure_idle},
      Case{"converge", "a guest joins others that are settled", measure_converge},
      Case{"break", "the first write to a merged page (generated guests)", measure_break},
      Case{"stop", "how long a working guest is held", measure_stop},
      Case{"slowdown", "what working guests lose", measure_slowdown},
      Case{"scale", "1 to 64 guests: what a page costs (generated guests)", measure_scale},
  };
  return cases;
}

std::unique_ptr<Engine> Bench::engine(Party party) const {
  return party == Party::ksmd ? make_ksmd_engine(options.smart_scan) : make_samepage_engine(options.knobs);
}

void Bench::in_turns(std::string_view what, const std::function<void(Party)>& measure) const {
  for (std::uint32_t run = 1; run <= options.runs; ++run) {
    for (const Party party : parties) {
      fmt::print(stderr, "{}, run {} of {}: {}\n", what, run, options.runs,
                 party == Party::ksmd ? "ksmd" : "samepage");
      measure(party);
    }
  }
}

void settle(Engine& engine, Holders& holders, const Options& options) {
  engine.set_pace(Pace::fastest);
  watch(
      engine, [&] { engine.merge(holders); }, options.limit);
}

double seconds(std::chrono::nanoseconds time) {
  return std::chrono::duration<double>(time).count();
}

}  // namespace samepage::bench
