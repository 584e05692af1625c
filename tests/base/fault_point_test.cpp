// SPDX-License-Identifier: Apache-2.0
#include "base/fault_point.hpp"

#include <gtest/gtest.h>

#include <cerrno>
#include <chrono>
#include <csignal>

#include "base/check.hpp"

namespace samepage {
namespace {

class FaultPoint : public testing::Test {
 protected:
  void SetUp() override {
    if (!has_fault_points()) GTEST_SKIP() << "this build has no fault points";
  }
  void TearDown() override { arm_fault_points(""); }
};

TEST_F(FaultPoint, NothingHappensWhereNothingWasAskedFor) {
  arm_fault_points("other:1:kill");
  EXPECT_EQ(reach_fault_point("slot"), 0);
}

TEST_F(FaultPoint, ACallFailsTheNthTimeAndNotAgain) {
  arm_fault_points("slot:2:EIO,slot:3:ENOSPC");
  EXPECT_EQ(reach_fault_point("slot"), 0);
  errno = 0;
  EXPECT_EQ(reach_fault_point("slot"), EIO);
  EXPECT_EQ(errno, EIO);
  EXPECT_EQ(reach_fault_point("slot"), ENOSPC);
  EXPECT_EQ(reach_fault_point("slot"), 0);
}

TEST_F(FaultPoint, AShortageLastsUntilItIsTakenBack) {
  arm_fault_points("slot:2+:ENOSPC,frame:1+:ENOBUFS");
  EXPECT_EQ(reach_fault_point("slot"), 0);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(reach_fault_point("slot"), ENOSPC);
  EXPECT_EQ(reach_fault_point("frame"), ENOBUFS);
  arm_fault_points("");
  EXPECT_EQ(reach_fault_point("slot"), 0);
}

TEST_F(FaultPoint, TheProcessIsKilled) {
  const auto run = [] {
    arm_fault_points("slot:1:kill");
    reach_fault_point("slot");
  };
  EXPECT_EXIT(run(), testing::KilledBySignal(SIGKILL), "");
}

TEST_F(FaultPoint, AThreadWaits) {
  arm_fault_points("slot:1:delay=20");
  const auto before = std::chrono::steady_clock::now();
  EXPECT_EQ(reach_fault_point("slot"), 0);
  EXPECT_GE(std::chrono::steady_clock::now() - before, std::chrono::milliseconds(20));
}

TEST_F(FaultPoint, WhatIsNoFaultIsRefused) {
  for (const char* text : {"slot", "slot:1", "slot:0:kill", "slot:x:kill", "slot:1:burn",
                           "slot:1:delay=", "slot:1:kill,", "slot:-1:kill", ":"}) {
    EXPECT_EQ(std::string_view(text) == "slot:1:kill,", [&] {
      try {
        arm_fault_points(text);
        return true;
      } catch (const UserError&) {
        return false;
      }
    }()) << text;
  }
}

}  // namespace
}  // namespace samepage
