// SPDX-License-Identifier: Apache-2.0
#include "vmm/control/raw_terminal.hpp"

#include <unistd.h>

#include <array>
#include <csignal>

#include "base/check.hpp"

namespace samepage::vmm {

namespace {

// For the handler: set before it is installed.
volatile std::sig_atomic_t raw_fd = -1;
termios modes_before{};

// Those that nobody waits for, and that end the process.
constexpr std::array fatal_signals{SIGQUIT, SIGILL,  SIGTRAP, SIGABRT,   SIGFPE, SIGSEGV,
                                   SIGSYS,  SIGXCPU, SIGALRM, SIGVTALRM, SIGPROF};

void put_back_and_end(int signal) {
  ::tcsetattr(raw_fd, TCSANOW, &modes_before);
  ::raise(signal);  // once more, with the default action: delivered when this returns
}

void guard_terminal(int fd, const termios& before) {
  raw_fd = fd;
  modes_before = before;
  for (const int signal : fatal_signals) {
    struct sigaction action {};
    if (::sigaction(signal, nullptr, &action) != 0 || action.sa_handler != SIG_DFL) continue;
    action.sa_handler = put_back_and_end;
    action.sa_flags = static_cast<int>(SA_RESETHAND);
    ::sigaction(signal, &action, nullptr);
  }
}

void end_guard() {
  for (const int signal : fatal_signals) {
    struct sigaction action {};
    if (::sigaction(signal, nullptr, &action) == 0 && action.sa_handler == put_back_and_end) {
      ::signal(signal, SIG_DFL);
    }
  }
}

}  // namespace

RawTerminal::RawTerminal(int fd) : fd_(fd) {
  if (::isatty(fd) == 0) return;
  check(::tcgetattr(fd, &before_), "tcgetattr");
  termios raw = before_;
  ::cfmakeraw(&raw);
  raw.c_oflag = before_.c_oflag;
  guard_terminal(fd, before_);
  check(::tcsetattr(fd, TCSANOW, &raw), "tcsetattr");
  raw_ = true;
}

void RawTerminal::let_go() {
  if (raw_) end_guard();
  raw_ = false;
}

RawTerminal::~RawTerminal() {
  if (!raw_) return;
  end_guard();
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
