// SPDX-License-Identifier: Apache-2.0
// Children of a test that go on by themselves. They have the test's output open: one that outlives the test,
// however that ended, has whoever runs it wait for the end of the output.
#pragma once

#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <string>

#include "base/check.hpp"
#include "base/unique_fd.hpp"
#include "tests/base/wait_until.hpp"

namespace samepage {

/// In a child: it is killed when the thread that made it ends. To be said again after it became another user.
inline void die_with_parent() {
  check(::prctl(PR_SET_PDEATHSIG, SIGKILL), "prctl");
}

/// fork(2): the child dies with the thread that made it. Throws std::system_error.
inline pid_t fork_with_parent() {
  std::fflush(nullptr);
  const pid_t parent = ::getpid();
  const pid_t child = check(::fork(), "fork");
  if (child != 0) return child;
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(1);  // it died before
  return child;
}

/// Reaps a child when it has ended, and returns its status as waitpid(2) has it. One that does not end fails
/// the test and is killed. `what`: whose end is waited for.
inline int status_of_child(pid_t child, const std::string& what) {
  const UniqueFd process = checked_fd(static_cast<int>(::syscall(SYS_pidfd_open, child, 0)), "pidfd_open");
  if (!wait_to_read(process.get(), "the end of " + what)) ::kill(child, SIGKILL);
  int status = 0;
  check(::waitpid(child, &status, 0), "waitpid");
  return status;
}

/// An exit code, or 128 + signal.
inline int code_of(int status) {
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

}  // namespace samepage
