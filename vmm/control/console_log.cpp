// SPDX-License-Identifier: Apache-2.0
#include "vmm/control/console_log.hpp"

#include <poll.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>

namespace samepage::vmm {

ConsoleLog::ConsoleLog(int output)
    : output_(output), closed_(checked_fd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), "eventfd")) {}

void ConsoleLog::write(std::string_view text) {
  {
    const std::lock_guard lock(mutex_);
    keep(text);
  }
  if (output_ >= 0) put_out(text);
}

void ConsoleLog::keep(std::string_view text) {
  if (text.size() > kept) {
    total_ += text.size() - kept;
    text.remove_prefix(text.size() - kept);
  }
  for (const char c : text) ring_[total_++ % kept] = c;
}

// A pipe that polls as writable takes PIPE_BUF bytes without blocking, so a guest whose reader sleeps can
// still be stopped.
void ConsoleLog::put_out(std::string_view text) const {
  while (!text.empty()) {
    std::array<pollfd, 2> waits{pollfd{output_, POLLOUT, 0}, pollfd{closed_.get(), POLLIN, 0}};
    if (::poll(waits.data(), waits.size(), -1) < 0 && errno != EINTR) return;
    if (waits[1].revents != 0) return;
    if ((waits[0].revents & (POLLOUT | POLLERR | POLLHUP)) == 0) continue;
    const ssize_t written = ::write(output_, text.data(), std::min<std::size_t>(text.size(), PIPE_BUF));
    if (written < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (written <= 0) return;  // the reader is gone or the disk is full: the guest runs on
    text.remove_prefix(static_cast<std::size_t>(written));
  }
}

void ConsoleLog::close_output() {
  const std::uint64_t one = 1;
  // The counter can't overflow: this is called once or twice in a guest's life.
  if (::write(closed_.get(), &one, sizeof(one)) < 0) return;
}

std::string ConsoleLog::tail() const {
  const std::lock_guard lock(mutex_);
  const std::size_t length = std::min(total_, kept);
  std::string text;
  text.reserve(length);
  for (std::size_t at = total_ - length; at < total_; ++at) text += ring_[at % kept];
  return text;
}

}  // namespace samepage::vmm
