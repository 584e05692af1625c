// SPDX-License-Identifier: Apache-2.0
#include "vmm/control/stop_signals.hpp"

#include <sys/signalfd.h>

#include "base/process_setup.hpp"

namespace samepage::vmm {

StopSignals::StopSignals() {
  sigset_t mask{};
  sigemptyset(&mask);
  // A signal that is ignored would be seen all the same once it is blocked.
  for (const int signal : stop_signals()) sigaddset(&mask, signal);
  check(::pthread_sigmask(SIG_BLOCK, &mask, &former_) == 0 ? 0 : -1, "pthread_sigmask");
  fd_ = checked_fd(::signalfd(-1, &mask, SFD_NONBLOCK | SFD_CLOEXEC), "signalfd");
}

StopSignals::~StopSignals() {
  // What came meanwhile was meant for what ends here.
  while (take() != 0) {
  }
  ::pthread_sigmask(SIG_SETMASK, &former_, nullptr);
}

int StopSignals::take() const {
  signalfd_siginfo info{};
  const ssize_t got = ::read(fd_.get(), &info, sizeof(info));
  return got == static_cast<ssize_t>(sizeof(info)) ? static_cast<int>(info.ssi_signo) : 0;
}

}  // namespace samepage::vmm
