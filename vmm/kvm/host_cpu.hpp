// SPDX-License-Identifier: Apache-2.0
// What this host's CPU can do, as the kernel lists it.
#pragma once

#include <string>

namespace samepage::vmm {

/// The words behind "flags" in /proc/cpuinfo; empty where there are none.
std::string host_cpu_flags();

}  // namespace samepage::vmm
