// SPDX-License-Identifier: Apache-2.0
#include "bench/child.hpp"

#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <exception>

#include "base/check.hpp"
#include "base/process_setup.hpp"
#include "base/standard_output.hpp"

namespace samepage::bench {

Child Child::run(const std::function<void()>& body) {
  const pid_t parent = ::getpid();
  std::fflush(nullptr);
  const pid_t pid = check(::fork(), "fork");
  if (pid != 0) return Child(pid);
  ::setsid();
  for (const int signal : stop_signals()) std::signal(signal, SIG_DFL);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(1);  // the parent died before prctl() was called
  try {
    body();
  } catch (const std::exception& error) {
    complain(fmt::format("samepage-bench: in a child process: {}", error.what()));
    ::_exit(1);
  }
  ::_exit(0);
}

Child::~Child() {
  if (pid_ == 0) return;
  ::kill(pid_, SIGKILL);
  while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

}  // namespace samepage::bench
