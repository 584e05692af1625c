// SPDX-License-Identifier: Apache-2.0
// Children of a test that go on by themselves. They have the test's output open: one that outlives the test,
// however that ended, has whoever runs it wait for the end of the output.
#pragma once

#include <sys/prctl.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>

#include "base/check.hpp"

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

}  // namespace samepage
