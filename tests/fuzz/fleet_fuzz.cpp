// SPDX-License-Identifier: Apache-2.0
// The whole engine, agents and daemon, with the input's order of events: tests/dedup/fleet/fleet_model.hpp.
#include "tests/dedup/fleet/fleet_model.hpp"
#include "tests/fuzz/fail_hard.hpp"
#include "tests/fuzz/input.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace samepage::dedup;  // NOLINT(google-build-using-namespace): libFuzzer's own name is global
  samepage::test::Input input(data, std::min<std::size_t>(size, 512));
  FleetModel model({.forks = input.below(4) == 3,
                    .scarce_mappings = input.below(4) == 3,
                    .pages_go_out = input.below(4) == 3,
                    .early_dups = input.chance(2),
                    .uniform = input.chance(4),
                    .pages = 12},
                   [&](std::uint32_t below) { return input.below(below); });
  for (int step = 0; !input.empty(); ++step) {
    model.step();
    model.check(step);
  }
  model.finish();
  return 0;
}
