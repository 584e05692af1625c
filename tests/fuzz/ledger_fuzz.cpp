// SPDX-License-Identifier: Apache-2.0
// Agents that say anything to the daemon's records: tests/dedup/daemon/ledger_model.hpp, with the input's
// decisions.
#include "tests/dedup/daemon/ledger_model.hpp"
#include "tests/fuzz/input.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace samepage::dedup;  // NOLINT(google-build-using-namespace): libFuzzer's own name is global
  samepage::test::Input input(data, size);
  LedgerModel::Shape shape;
  if (input.chance(4)) shape.frames = 3;
  if (input.chance(4)) shape.slots = 2;
  shape.uniform = input.chance(4);
  if (!shape.uniform && input.chance(2)) shape.dups = {.references = 2, .run = 4};
  LedgerModel model(shape, [&](std::uint32_t below) { return input.below(below); });
  while (!input.empty()) model.step();
  model.finish();
  return 0;
}
