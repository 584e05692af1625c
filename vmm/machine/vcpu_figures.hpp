// SPDX-License-Identifier: Apache-2.0
// What the kernel says of a vCPU's thread. A plain value.
#pragma once

#include <cstdint>
#include <string_view>

namespace samepage::vmm {

struct VcpuFigures {
  std::uint64_t cpu_us = 0;  // that it has run so far, in the guest and for it
  int host_cpu = -1;         // where it ran last; -1: not known
  bool runs = false;         // it runs, or would if a processor were free
};

/// Fills in what a line of /proc/PID/task/TID/stat says. Pure.
void read_thread_stat(std::string_view line, VcpuFigures& figures);
/// Of a thread of this process; zeros once it has ended.
[[nodiscard]] VcpuFigures figures_of_thread(int tid);

}  // namespace samepage::vmm
