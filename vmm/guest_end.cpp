// SPDX-License-Identifier: Apache-2.0
#include "vmm/guest_end.hpp"

#include <poll.h>
#include <sys/eventfd.h>

#include <cerrno>

namespace samepage::vmm {

GuestEnd::GuestEnd() : event_(checked_fd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), "eventfd")) {}

bool GuestEnd::expect_threads(unsigned threads) {
  const std::lock_guard lock(mutex_);
  if (exit_) return false;
  threads_ = threads;
  return true;
}

void GuestEnd::thread_ended() {
  const std::lock_guard lock(mutex_);
  --threads_;
  announce();
}

void GuestEnd::record(GuestExit exit) {
  const std::lock_guard lock(mutex_);
  if (!exit_) exit_ = std::move(exit);
  announce();
}

void GuestEnd::announce() const {
  if (!exit_ || threads_ != 0) return;
  static_cast<void>(::eventfd_write(event_.get(), 1));
}

GuestExit GuestEnd::wait() const {
  pollfd ended{event_.get(), POLLIN, 0};
  while (::poll(&ended, 1, -1) < 0) {
    if (errno != EINTR) throw_errno("poll");
  }
  const std::lock_guard lock(mutex_);
  return *exit_;
}

}  // namespace samepage::vmm
