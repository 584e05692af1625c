// SPDX-License-Identifier: Apache-2.0
// A process by pidfd: it cannot be mistaken for another one that got its number later.
#pragma once

#include <sys/types.h>

#include <optional>

#include "base/unique_fd.hpp"

namespace samepage::vmm {

class ProcessHandle {
 public:
  /// None when there is no such process. Throws std::system_error, and UserError where pidfds are refused.
  static std::optional<ProcessHandle> open(pid_t pid);

  /// Readable once the process has ended.
  [[nodiscard]] int fd() const { return fd_.get(); }
  /// Sends a signal; a process that has ended takes none. Throws std::system_error.
  void signal(int signal) const;
  /// Waits until it has ended, at most so long.
  [[nodiscard]] bool ends_within(int milliseconds) const;

 private:
  explicit ProcessHandle(UniqueFd fd) : fd_(std::move(fd)) {}

  UniqueFd fd_;
};

}  // namespace samepage::vmm
