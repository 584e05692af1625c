// SPDX-License-Identifier: Apache-2.0
// What a thread has used: processor time, page faults. Where two threads do one flow of work in turns
// (yielding_thread.hpp), the one that goes on takes over what the flow has used so far, so that the figures
// are the flow's, whichever thread reads them.
#pragma once

#include <chrono>
#include <cstdint>

namespace samepage {

/// Processor time of the flow that the calling thread is at, in user mode and in the kernel.
std::chrono::nanoseconds thread_cpu_time();

/// Page faults so far that needed no reading from a disk, those within system calls included: of the flow
/// that the calling thread is at, and of all else in this process.
std::int64_t page_faults_of_this_thread();
std::int64_t page_faults_of_other_threads();

struct ThreadUse {
  std::chrono::nanoseconds cpu{0};
  std::int64_t faults = 0;
};
/// Of the calling thread's flow.
ThreadUse thread_use();
/// The calling thread goes on with a flow that has used so much.
void take_over(const ThreadUse& so_far);

}  // namespace samepage
