// SPDX-License-Identifier: Apache-2.0
#include "vmm/control/process_handle.hpp"

#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>

namespace samepage::vmm {

// <sys/pidfd.h> of glibc 2.36 declares its functions as C++.

std::optional<ProcessHandle> ProcessHandle::open(pid_t pid) {
  UniqueFd fd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (!fd && errno == ESRCH) return std::nullopt;
  if (!fd && (errno == EPERM || errno == ENOSYS)) {
    throw UserError(
        "this system refuses pidfd_open, which Samepage watches processes with: it needs Linux 5.3 or later, "
        "and a container's seccomp profile that knows it (update the container's runtime)");
  }
  if (!fd) throw_errno("pidfd_open");
  return ProcessHandle(std::move(fd));
}

void ProcessHandle::signal(int signal) const {
  if (::syscall(SYS_pidfd_send_signal, fd_.get(), signal, nullptr, 0) != 0 && errno != ESRCH) {
    throw_errno("pidfd_send_signal");
  }
}

bool ProcessHandle::ends_within(int milliseconds) const {
  using Clock = std::chrono::steady_clock;
  const auto end = Clock::now() + std::chrono::milliseconds(milliseconds);
  for (;;) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - Clock::now()).count();
    pollfd wait{fd_.get(), POLLIN, 0};
    const int ready = ::poll(&wait, 1, left > 0 ? static_cast<int>(left) : 0);
    if (ready < 0 && errno == EINTR) continue;
    return check(ready, "poll of a process") > 0;
  }
}

}  // namespace samepage::vmm
