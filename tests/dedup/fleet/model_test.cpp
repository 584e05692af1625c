// SPDX-License-Identifier: Apache-2.0
// Agents and the daemon together against a naive model (fleet_model.hpp), for whatever order of events.
#include <gtest/gtest.h>

#include <random>

#include "tests/dedup/fleet/fleet_model.hpp"

namespace samepage::dedup {
namespace {

class ModelTest : public testing::TestWithParam<unsigned> {};

TEST_P(ModelTest, MemoryIsAlwaysWhatTheGuestsWrote) {
  const unsigned seed = GetParam();
  std::mt19937_64 random(seed);
  FleetModel model({.forks = seed >= 8 && seed < 18,
                    .scarce_mappings = seed % 4 == 3,
                    .pages_go_out = seed >= 13 && seed < 28,
                    .early_dups = seed % 2 == 1,
                    .uniform = seed >= 24},
                   [&](std::uint32_t below) { return static_cast<std::uint32_t>(random() % below); });
  for (int i = 0; i < 1500; ++i) {
    model.step();
    ASSERT_NO_FATAL_FAILURE(model.check(i));
  }
  model.finish();
}

INSTANTIATE_TEST_SUITE_P(Seeds, ModelTest, testing::Range(0U, 32U));

}  // namespace
}  // namespace samepage::dedup
