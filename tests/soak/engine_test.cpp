// SPDX-License-Identifier: Apache-2.0
// The engine on memory that stands in for guests, where no guest can run: the models of tests/dedup, one seed
// after the other.
#include <gtest/gtest.h>

#include <random>
#include <string>

#include "tests/dedup/daemon/ledger_model.hpp"
#include "tests/dedup/fleet/fleet_model.hpp"
#include "tests/soak/soak_plan.hpp"

namespace samepage::soak {
namespace {

using dedup::FleetModel;
using dedup::LedgerModel;

TEST(Engine, MemoryIsAlwaysWhatTheGuestsWroteAndNothingIsLeft) {
  Plan plan;
  for (std::uint64_t seed = plan.seed(); !plan.over(); ++seed) {
    SCOPED_TRACE("SAMEPAGE_SOAK_SEED=" + std::to_string(seed));
    std::mt19937_64 random(seed);
    const auto choose = [&](std::uint32_t below) { return static_cast<std::uint32_t>(random() % below); };
    LedgerModel ledger(
        {.frames = seed % 4 == 0 ? 3U : 1000U,
         .slots = seed % 3 == 0 ? 2U : 50U,
         .dups = seed % 2 == 0 ? dedup::DupPolicy{} : dedup::DupPolicy{.references = 2, .run = 4}},
        choose);
    for (int step = 0; step < 5000; ++step) ledger.step();
    ledger.finish();
    FleetModel fleet({.forks = random() % 2 == 0,
                      .scarce_mappings = random() % 4 == 0,
                      .pages_go_out = random() % 2 == 0,
                      .early_dups = random() % 2 == 0},
                     choose);
    for (int step = 0; step < 1000; ++step) {
      fleet.step();
      ASSERT_NO_FATAL_FAILURE(fleet.check(step));
    }
    fleet.finish();
    ASSERT_FALSE(testing::Test::HasFailure());
  }
}

}  // namespace
}  // namespace samepage::soak
