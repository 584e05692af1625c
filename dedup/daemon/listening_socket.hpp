// SPDX-License-Identifier: Apache-2.0
// The daemon's place in the file system: at most one daemon listens on a path, a stale socket of one that was
// killed is replaced, and the path goes with its daemon.
#pragma once

#include <sys/stat.h>

#include <string>

#include "base/unique_fd.hpp"

namespace samepage::dedup {

enum class Admission { owner_only, everybody };

/// A listening local socket on a path; unlinks it on destruction, if it still is this one. Where the process
/// has become a user who may not, a stale socket stays, as of a daemon that was killed.
class ListeningSocket {
 public:
  /// Throws UserError when another daemon answers there or the path is something else.
  ListeningSocket(std::string path, Admission admission);
  ~ListeningSocket();
  ListeningSocket(const ListeningSocket&) = delete;
  ListeningSocket& operator=(const ListeningSocket&) = delete;

  /// The descriptor, to accept connections on. The caller owns it.
  [[nodiscard]] UniqueFd take() { return std::move(fd_); }

 private:
  std::string path_;
  UniqueFd fd_;
  struct stat identity_ {};
};

}  // namespace samepage::dedup
