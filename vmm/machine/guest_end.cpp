// SPDX-License-Identifier: Apache-2.0
#include "vmm/machine/guest_end.hpp"

#include <poll.h>

#include <cerrno>
#include <utility>

#include "base/check.hpp"
#include "base/event_fd.hpp"

namespace samepage::vmm {

GuestEnd::GuestEnd(std::function<void()> on_reason)
    : on_reason_(std::move(on_reason)), event_(make_event()) {}

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
  {
    const std::lock_guard lock(mutex_);
    if (!exit_) exit_ = std::move(exit);
    announce();
  }
  if (on_reason_) on_reason_();
}

bool GuestEnd::has_reason() const {
  const std::lock_guard lock(mutex_);
  return exit_.has_value();
}

void GuestEnd::announce() const {
  if (!exit_ || threads_ != 0) return;
  signal_event(event_.get());
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
