// SPDX-License-Identifier: Apache-2.0
// Real guests and a real daemon, for as long as one says.
#include "tests/soak/chaos.hpp"

namespace samepage::soak {
namespace {

TEST_F(Chaos, NoGuestLosesAWordAndNothingIsLeft) {
  constexpr int events_between = 25;
  while (!plan_.over()) {
    for (int i = 0; i < events_between && !HasFailure(); ++i) event();
    if (!HasFailure()) count_when_quiet();
    if (HasFailure()) return;
  }
  end_all();
}

}  // namespace
}  // namespace samepage::soak
