// SPDX-License-Identifier: Apache-2.0
#include "vmm/control/terminal_guard.hpp"

#include <unistd.h>

#include <array>
#include <csignal>

namespace samepage::vmm {
namespace {

// For the handler: set before it is installed.
volatile std::sig_atomic_t guarded_fd = -1;
termios modes_before{};
std::string_view last_words;

// Those that nobody waits for, and that end the process.
constexpr std::array fatal_signals{SIGQUIT, SIGILL,  SIGTRAP, SIGABRT,   SIGFPE, SIGSEGV,
                                   SIGSYS,  SIGXCPU, SIGALRM, SIGVTALRM, SIGPROF};

void put_back_and_end(int signal) {
  if (!last_words.empty()) {
    [[maybe_unused]] const ssize_t written = ::write(guarded_fd, last_words.data(), last_words.size());
  }
  ::tcsetattr(guarded_fd, TCSANOW, &modes_before);
  ::raise(signal);  // once more, with the default action: delivered when this returns
}

}  // namespace

TerminalGuard::TerminalGuard(int fd, const termios& before, std::string_view farewell) {
  guarded_fd = fd;
  modes_before = before;
  last_words = farewell;
  for (const int signal : fatal_signals) {
    struct sigaction action {};
    if (::sigaction(signal, nullptr, &action) != 0 || action.sa_handler != SIG_DFL) continue;
    action.sa_handler = put_back_and_end;
    action.sa_flags = static_cast<int>(SA_RESETHAND);
    ::sigaction(signal, &action, nullptr);
  }
}

TerminalGuard::~TerminalGuard() {
  for (const int signal : fatal_signals) {
    struct sigaction action {};
    if (::sigaction(signal, nullptr, &action) == 0 && action.sa_handler == put_back_and_end) {
      ::signal(signal, SIG_DFL);
    }
  }
}

}  // namespace samepage::vmm
