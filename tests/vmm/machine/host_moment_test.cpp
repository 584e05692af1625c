// SPDX-License-Identifier: Apache-2.0
#include "vmm/machine/host_moment.hpp"

#include <gtest/gtest.h>

namespace samepage::vmm {
namespace {

constexpr std::uint64_t second = 1'000'000'000;
constexpr std::uint32_t khz = 2'000'000;

TEST(HostMoment, OnTheSameHostTheCounterHasGoneOnByItself) {
  const HostMoment saved{"boot", 10 * second, 1000 * second, 5000};
  const HostMoment now{"boot", 13 * second, 999 * second, 9000};
  const TimePassed passed = time_between(saved, now, khz);
  EXPECT_EQ(passed.ns, 3 * second) << "whatever was done to the clock on the wall";
  EXPECT_EQ(passed.tsc_shift, 0U);
}

TEST(HostMoment, AfterARestartOfTheHostTheWallClockTells) {
  const std::uint64_t offset = 100;  // of a guest's counter
  const HostMoment saved{"boot", 10 * second, 1000 * second, 1'000'000};
  const HostMoment now{"another", second, 1060 * second, 777};
  const TimePassed passed = time_between(saved, now, khz);
  EXPECT_EQ(passed.ns, 60 * second);
  EXPECT_EQ(now.tsc + offset + passed.tsc_shift, saved.tsc + offset + 60 * std::uint64_t{khz} * 1000);
}

TEST(HostMoment, NoClockGoesBack) {
  const HostMoment saved{"boot", 10 * second, 1000 * second, 1'000'000};
  const HostMoment now{"another", second, 900 * second, 777};
  const TimePassed passed = time_between(saved, now, khz);
  EXPECT_EQ(passed.ns, 0U);
  EXPECT_EQ(now.tsc + passed.tsc_shift, saved.tsc);
}

TEST(HostMoment, NowIsOfThisHostAndGoesOn) {
  const HostMoment first = host_moment_now();
  const HostMoment then = host_moment_now();
  EXPECT_EQ(first.boot_id.size(), 36U);
  EXPECT_EQ(first.boot_id, then.boot_id);
  EXPECT_LE(first.boottime_ns, then.boottime_ns);
  EXPECT_LT(first.tsc, then.tsc);
}

}  // namespace
}  // namespace samepage::vmm
