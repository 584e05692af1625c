// SPDX-License-Identifier: Apache-2.0
#include "bench/bench.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/standard_output.hpp"
#include "bench/convergence.hpp"

namespace samepage::bench {

std::unique_ptr<Engine> Bench::engine(Party party) const {
  return party == Party::ksmd ? make_ksmd_engine(options.smart_scan) : make_samepage_engine(options.knobs);
}

bool Bench::measures(Party party) const {
  return std::find(parties.begin(), parties.end(), party) != parties.end();
}

void Bench::note(std::string_view what, Party party, std::string_view text) const {
  complain(fmt::format("samepage-bench: {}, {}: {}", what, name_of(party), text));
}

void Bench::in_turns(std::string_view what, const std::function<void(Party)>& measure) const {
  for (std::uint32_t run = 1; run <= options.runs; ++run) {
    for (const Party party : parties) {
      complain(fmt::format("{}, run {} of {}: {}", what, run, options.runs, name_of(party)));
      measure(party);
    }
  }
}

void settle(Engine& engine, Holders& holders, const Options& options) {
  engine.set_pace(Pace::fastest);
  watch(
      engine, [&] { engine.merge(holders); }, options.limit);
}

}  // namespace samepage::bench
