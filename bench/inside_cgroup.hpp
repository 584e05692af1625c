// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>

#include "base/limited_memory.hpp"

namespace samepage::bench {

/// This process is in the cgroup while `act` runs, and what that starts stays in it. Throws UserError when it
/// can't be joined, or left.
void inside(const LimitedMemory& cgroup, const std::function<void()>& act);

}  // namespace samepage::bench
