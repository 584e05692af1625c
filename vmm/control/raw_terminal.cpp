// SPDX-License-Identifier: Apache-2.0
#include "vmm/cli/raw_terminal.hpp"

#include <unistd.h>

#include <csignal>

#include "base/check.hpp"

namespace samepage::cli {

RawTerminal::RawTerminal(int fd) : fd_(fd) {
  if (::isatty(fd) == 0) return;
  check(::tcgetattr(fd, &before_), "tcgetattr");
  termios raw = before_;
  ::cfmakeraw(&raw);
  raw.c_oflag = before_.c_oflag;
  check(::tcsetattr(fd, TCSANOW, &raw), "tcsetattr");
  raw_ = true;
}

RawTerminal::~RawTerminal() {
  if (!raw_) return;
  // A process that the shell has put into the background would be stopped here, and leave the terminal raw.
  sigset_t background{};
  sigset_t former{};
  sigemptyset(&background);
  sigaddset(&background, SIGTTOU);
  ::pthread_sigmask(SIG_BLOCK, &background, &former);
  ::tcsetattr(fd_, TCSANOW, &before_);
  ::pthread_sigmask(SIG_SETMASK, &former, nullptr);
}

}  // namespace samepage::cli
