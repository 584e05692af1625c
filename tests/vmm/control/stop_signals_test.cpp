// SPDX-License-Identifier: Apache-2.0
#include "vmm/control/stop_signals.hpp"

#include <gtest/gtest.h>

#include <csignal>

namespace samepage::vmm {
namespace {

TEST(StopSignals, ASignalIsTakenInsteadOfEndingTheProcess) {
  const StopSignals signals;
  EXPECT_EQ(signals.take(), 0);
  ::raise(SIGHUP);
  EXPECT_EQ(signals.take(), SIGHUP);
}

// As nohup leaves it: a signal that is ignored would be seen all the same once it is blocked.
TEST(StopSignals, ASignalThatTheCallerIgnoresIsNotSeen) {
  std::signal(SIGHUP, SIG_IGN);
  {
    const StopSignals signals;
    ::raise(SIGHUP);
    EXPECT_EQ(signals.take(), 0);
    ::raise(SIGTERM);
    EXPECT_EQ(signals.take(), SIGTERM);
  }
  std::signal(SIGHUP, SIG_DFL);
}

}  // namespace
}  // namespace samepage::vmm
