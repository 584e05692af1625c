// SPDX-License-Identifier: Apache-2.0
// How much processor time another process has used, in nanoseconds, ksmd's included: the kernel's own sum of
// what its threads ran (clock_getcpuclockid), of which fields 14 + 15 of /proc/PID/stat are the rounded form.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <optional>

namespace samepage::bench {

/// What all threads of a process have used. Throws std::system_error when the process is gone.
std::chrono::nanoseconds cpu_time_of(pid_t pid);
/// The same without its first thread.
std::chrono::nanoseconds cpu_time_of_other_threads(pid_t pid);
std::chrono::nanoseconds cpu_time_of_this_thread();
/// What all processors together have done other than idling, in steps of 10 ms. This includes what the kernel
/// does in threads of its own and in interrupts, and the work of other processes.
std::chrono::nanoseconds cpu_time_of_host();

inline double seconds(std::chrono::nanoseconds time) {
  return std::chrono::duration<double>(time).count();
}

/// The kernel thread that merges for KSM; empty where there is none.
std::optional<pid_t> find_ksmd();

}  // namespace samepage::bench
