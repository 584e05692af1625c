// SPDX-License-Identifier: Apache-2.0
// Who has the lock of a socket's path is its daemon, and nobody else: a file beside the socket, locked for as
// long as the daemon's process lives, also where it hangs or where somebody has removed its socket.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

#include "base/unique_fd.hpp"

namespace samepage::dedup {

class DaemonLock {
 public:
  /// Empty when another process has it. Throws UserError when the file can't be made.
  static std::optional<DaemonLock> take(const std::string& socket_path);
  /// Whether some process has it.
  [[nodiscard]] static bool is_held(const std::string& socket_path);

  DaemonLock(DaemonLock&&) noexcept = default;
  DaemonLock& operator=(DaemonLock&&) = delete;
  /// Removes the file, if it is still this one and we may.
  ~DaemonLock();

  /// False when somebody has removed the file: another daemon may have taken a new one.
  [[nodiscard]] bool in_place() const;

 private:
  DaemonLock(std::string path, UniqueFd fd) : path_(std::move(path)), fd_(std::move(fd)) {}

  std::string path_;
  UniqueFd fd_;
};

}  // namespace samepage::dedup
