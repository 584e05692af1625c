// SPDX-License-Identifier: Apache-2.0
// Memory of this process whose bytes can't be had back raises SIGBUS in the thread that touches it: a page
// that is out in a paging file on a disk with errors, or a file below persistent memory that was cut short.
// That thread can't go on, and the process ends with a reason: the main thread hears of it and tells it.
//
// The kernel raises the signal at the very access, in code of ours that touches such memory: what the handler
// does is no more than what that code could have done there itself.
#pragma once

#include <chrono>
#include <csignal>
#include <functional>
#include <string>

namespace samepage {

struct LostMemoryPlan {
  /// Tells why the process ends; what it returns is the exit code. Called once: in the main thread, by who
  /// polls lost_memory_fd() or where it has touched such a page; in the thread that can't go on where the
  /// main one does not come to it, for it waits for that thread.
  std::function<int(const std::string& reason)> end;
  std::chrono::milliseconds patience = std::chrono::seconds(5);  // with the main thread
};

/// Called by the main thread, before there are others. In a process where nobody has, the signal ends it.
void prepare_for_lost_memory(LostMemoryPlan plan);
/// Readable when a thread has touched such a page; -1 in a process that is not prepared.
[[nodiscard]] int lost_memory_fd();
/// Ends the process when that is so.
void end_after_lost_memory();

/// What may have been the cause, for people: it names the paging files.
[[nodiscard]] std::string cause_of_lost_memory();

/// Called first, in the handler: true when it has put something else into the page's place, and the thread
/// may go on. One for the whole process.
using RescueOfMemory = bool (*)(const siginfo_t&);
void rescue_memory_with(RescueOfMemory rescue);

}  // namespace samepage
