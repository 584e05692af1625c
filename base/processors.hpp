// SPDX-License-Identifier: Apache-2.0
// How many processors this process may use.
#pragma once

#include <sched.h>

#include <algorithm>
#include <cerrno>
#include <vector>

namespace samepage {

/// At least one. A limit of a control group's processor time is not in it.
inline unsigned usable_processors() {
  // The kernel takes no set that is smaller than its own.
  for (std::vector<cpu_set_t> sets(1); sets.size() <= 64; sets.resize(sets.size() * 2)) {
    const std::size_t bytes = sets.size() * sizeof(cpu_set_t);
    if (::sched_getaffinity(0, bytes, sets.data()) == 0)
      return static_cast<unsigned>(std::max(CPU_COUNT_S(bytes, sets.data()), 1));
    if (errno != EINVAL) break;
  }
  return 1;
}

}  // namespace samepage
