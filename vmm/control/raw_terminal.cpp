// SPDX-License-Identifier: Apache-2.0
#include "vmm/control/raw_terminal.hpp"

#include <unistd.h>

#include <csignal>

#include "base/check.hpp"

namespace samepage::vmm {

RawTerminal::RawTerminal(int fd) : fd_(fd) {
  if (::isatty(fd) == 0) return;
  check(::tcgetattr(fd, &before_), "tcgetattr");
  termios raw = before_;
  ::cfmakeraw(&raw);
  raw.c_oflag = before_.c_oflag;
  guard_.emplace(fd, before_);
  check(::tcsetattr(fd, TCSANOW, &raw), "tcsetattr");
}

void RawTerminal::let_go() {
  guard_.reset();
}

RawTerminal::~RawTerminal() {
  if (!guard_) return;
  guard_.reset();
  // A process that the shell has put into the background would be stopped here, and leave the terminal raw.
  sigset_t background{};
  sigset_t former{};
  sigemptyset(&background);
  sigaddset(&background, SIGTTOU);
  ::pthread_sigmask(SIG_BLOCK, &background, &former);
  ::tcsetattr(fd_, TCSANOW, &before_);
  ::pthread_sigmask(SIG_SETMASK, &former, nullptr);
}

}  // namespace samepage::vmm
