// SPDX-License-Identifier: Apache-2.0
// When a machine's state was saved, by all of the host's clocks, and how much later it goes on. A guest that
// goes on from a state sees the time pass that has passed: its clocks are right, and none goes back.
#pragma once

#include <cstdint>
#include <string>

namespace samepage::vmm {

struct HostMoment {
  std::string boot_id;            // of the host's kernel since it started
  std::uint64_t boottime_ns = 0;  // since then
  std::uint64_t realtime_ns = 0;  // since 1970
  std::uint64_t tsc = 0;

  bool operator==(const HostMoment&) const = default;
};
HostMoment host_moment_now();

struct TimePassed {
  std::uint64_t ns = 0;
  std::uint64_t tsc_shift = 0;  // for the offset of a guest's TSC, modulo 2^64
};
/// Pure. On a host that was not started anew its TSC has gone on, exactly; else the clock on the wall tells
/// how much a TSC of `tsc_khz` would have.
TimePassed time_between(const HostMoment& saved, const HostMoment& now, std::uint32_t tsc_khz);

}  // namespace samepage::vmm
