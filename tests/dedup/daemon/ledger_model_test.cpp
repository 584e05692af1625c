// SPDX-License-Identifier: Apache-2.0
// The daemon's records against naive ones, for whatever agents say in whatever order.
#include "tests/dedup/daemon/ledger_model.hpp"

#include <gtest/gtest.h>

#include <random>

namespace samepage::dedup {
namespace {

class LedgerModelTest : public testing::TestWithParam<unsigned> {};

TEST_P(LedgerModelTest, SayWhatNaiveOnesSay) {
  std::mt19937 random(GetParam());
  LedgerModel::Shape shape;
  if (GetParam() % 4 == 0) shape.slots = 2;
  if (GetParam() % 4 == 1) shape.frames = 3;
  shape.uniform = GetParam() >= 16;
  if (!shape.uniform && GetParam() % 2 == 0) shape.dups = {.references = 2, .run = 4};
  LedgerModel model(shape, [&](std::uint32_t below) { return static_cast<std::uint32_t>(random()) % below; });
  for (int step = 0; step < 20'000; ++step) model.step();
  model.finish();
}

INSTANTIATE_TEST_SUITE_P(Seeds, LedgerModelTest, testing::Range(0U, 24U));

}  // namespace
}  // namespace samepage::dedup
