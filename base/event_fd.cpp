// SPDX-License-Identifier: Apache-2.0
#include "base/event_fd.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>

#include "base/check.hpp"

namespace samepage {

UniqueFd make_event() {
  return checked_fd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), "eventfd");
}

void signal_event(int event) {
  const std::uint64_t one = 1;
  // A counter that is full is readable already.
  invariant(::write(event, &one, sizeof(one)) == sizeof(one) || errno == EAGAIN, "write to an eventfd");
}

bool clear_event(int event) {
  std::uint64_t count = 0;
  return ::read(event, &count, sizeof(count)) == sizeof(count);
}

}  // namespace samepage
