// SPDX-License-Identifier: Apache-2.0
#include "vmm/machine/host_moment.hpp"

#include <x86intrin.h>

#include <ctime>
#include <fstream>

namespace samepage::vmm {
namespace {

std::uint64_t nanoseconds_of(clockid_t clock) {
  timespec time{};
  ::clock_gettime(clock, &time);
  return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(time.tv_nsec);
}

// A wall clock that was set back counts as one that stands still.
std::uint64_t forward(std::uint64_t from, std::uint64_t to) {
  return to > from ? to - from : 0;
}

std::uint64_t ticks(std::uint64_t ns, std::uint32_t khz) {
  __extension__ using Wide = unsigned __int128;
  return static_cast<std::uint64_t>(Wide{ns} * khz / 1'000'000);
}

}  // namespace

HostMoment host_moment_now() {
  // It does not change, and a guest is held while this is asked.
  static const std::string boot_id = [] {
    std::string id;
    std::ifstream("/proc/sys/kernel/random/boot_id") >> id;
    return id;
  }();
  HostMoment moment;
  moment.boot_id = boot_id;
  moment.boottime_ns = nanoseconds_of(CLOCK_BOOTTIME);
  moment.realtime_ns = nanoseconds_of(CLOCK_REALTIME);
  moment.tsc = __rdtsc();
  return moment;
}

TimePassed time_between(const HostMoment& saved, const HostMoment& now, std::uint32_t tsc_khz) {
  if (!saved.boot_id.empty() && saved.boot_id == now.boot_id) {
    return {forward(saved.boottime_ns, now.boottime_ns), 0};
  }
  const std::uint64_t ns = forward(saved.realtime_ns, now.realtime_ns);
  return {ns, saved.tsc + ticks(ns, tsc_khz) - now.tsc};
}

}  // namespace samepage::vmm
