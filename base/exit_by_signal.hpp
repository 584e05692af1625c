// SPDX-License-Identifier: Apache-2.0
// How a program's exit status tells of a signal.
#pragma once

#include <sys/wait.h>

namespace samepage {

/// The status of something that a signal ended, as shells count.
constexpr int exit_by_signal(int signal) {
  constexpr int base = 128;
  return base + signal;
}

/// The exit code of a process that has ended, or what stands for its signal. `status`: as waitpid(2) has it.
inline int exit_code_of(int status) {
  return WIFSIGNALED(status) ? exit_by_signal(WTERMSIG(status)) : WEXITSTATUS(status);
}

}  // namespace samepage
