// SPDX-License-Identifier: Apache-2.0
#include "base/scheduling.hpp"

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <thread>

#include "tests/base/nice_value.hpp"

namespace samepage {
namespace {

using test::nice_value;

// In nanoseconds, of the calling thread; 0 before Linux 6.12.
std::uint64_t slice() {
  std::array<std::uint64_t, 6> attributes{};  // struct sched_attr: sched_runtime is at byte 24
  return ::syscall(SYS_sched_getattr, 0, attributes.data(), sizeof attributes, 0) == 0 ? attributes[3] : 0;
}

// For good, so in a thread of its own.
template <typename Act>
void in_a_thread(Act act) {
  std::thread(act).join();
}

TEST(GiveWay, TheThreadIsNicerAndNoOther) {
  const int before = nice_value();
  in_a_thread([&] {
    give_way(3);
    EXPECT_EQ(nice_value(), std::min(before + 3, 19));
    give_way(100);
    EXPECT_EQ(nice_value(), 19);
  });
  EXPECT_EQ(nice_value(), before);
}

// Longer than that of whoever has not asked for another one: the kernel lets the shorter one go first.
TEST(GiveWay, ItsSliceIsLongerThanThoseOfOthers) {
  const std::uint64_t usual = slice();
  if (usual == 0) GTEST_SKIP() << "needs Linux 6.12 or newer";
  in_a_thread([&] {
    const int before = nice_value();
    give_way(0);
    EXPECT_GT(slice(), usual);
    EXPECT_EQ(nice_value(), before);
  });
  EXPECT_EQ(slice(), usual);
}

TEST(GiveWay, ARealTimePolicyStays) {
  in_a_thread([] {
    sched_param parameters{};
    parameters.sched_priority = 3;
    if (::sched_setscheduler(0, SCHED_RR, &parameters) != 0) GTEST_SKIP() << "needs CAP_SYS_NICE";
    give_way(5);
    EXPECT_EQ(::sched_getscheduler(0), SCHED_RR);
    EXPECT_EQ(::sched_getparam(0, &parameters), 0);
    EXPECT_EQ(parameters.sched_priority, 3);
  });
}

}  // namespace
}  // namespace samepage
