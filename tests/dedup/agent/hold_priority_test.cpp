// SPDX-License-Identifier: Apache-2.0
#include "dedup/agent/hold_priority.hpp"

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

#include <thread>

namespace samepage::dedup {
namespace {

bool set_policy(int policy, int priority) {
  sched_param parameters{};
  parameters.sched_priority = priority;
  return ::sched_setscheduler(0, policy, &parameters) == 0;
}

// In a thread of its own, so that no other test inherits what it does.
template <typename Act>
void in_a_thread(Act act) {
  std::thread(act).join();
}

bool allowed() {
  bool done = false;
  in_a_thread([&] { done = set_policy(SCHED_FIFO, 1); });
  return done;
}

TEST(HoldPriority, LastsAsLongAsTheObject) {
  if (!allowed()) GTEST_SKIP() << "needs CAP_SYS_NICE or RLIMIT_RTPRIO";
  for (const int policy : {SCHED_OTHER, SCHED_BATCH, SCHED_IDLE}) {
    in_a_thread([&] {
      ASSERT_TRUE(set_policy(policy, 0));
      {
        const HoldPriority priority;
        EXPECT_EQ(::sched_getscheduler(0), SCHED_FIFO);
      }
      EXPECT_EQ(::sched_getscheduler(0), policy);
    });
  }
}

TEST(HoldPriority, AThreadThatIsRealTimeStaysWhatItIs) {
  if (!allowed()) GTEST_SKIP() << "needs CAP_SYS_NICE or RLIMIT_RTPRIO";
  in_a_thread([&] {
    ASSERT_TRUE(set_policy(SCHED_RR, 7));
    { const HoldPriority priority; }
    sched_param parameters{};
    ASSERT_EQ(::sched_getparam(0, &parameters), 0);
    EXPECT_EQ(::sched_getscheduler(0), SCHED_RR);
    EXPECT_EQ(parameters.sched_priority, 7);
  });
}

TEST(HoldPriority, WithoutTheRightNothingChanges) {
  const auto without = [] {
    const rlimit none{0, 0};
    if (::setrlimit(RLIMIT_RTPRIO, &none) != 0) ::_exit(1);
    if (::geteuid() == 0 && ::setuid(65534) != 0) ::_exit(2);
    for (int i = 0; i < 2; ++i) {
      const HoldPriority priority;
      if (::sched_getscheduler(0) != SCHED_OTHER) ::_exit(3);
    }
    ::_exit(::sched_getscheduler(0) == SCHED_OTHER ? 0 : 4);
  };
  EXPECT_EXIT(without(), testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace samepage::dedup
