// SPDX-License-Identifier: Apache-2.0
// The daemon's place in the file system: at most one daemon has a path, a stale socket of one that was killed
// is replaced, one that somebody has removed is made anew, and the path goes with its daemon.
#pragma once

#include <sys/stat.h>

#include <optional>
#include <string>

#include "base/check.hpp"
#include "base/unique_fd.hpp"
#include "dedup/daemon_lock.hpp"

namespace samepage::dedup {

enum class Admission { owner_only, everybody };

/// Somebody has removed our lock, and another daemon has taken the path since: there must be one.
class PlaceTaken : public UserError {
 public:
  using UserError::UserError;
};

/// A listening local socket on a path; unlinks it on destruction, if it still is this one. Where the process
/// has become a user who may not, a stale socket stays, as of a daemon that was killed.
class ListeningSocket {
 public:
  /// Throws UserError when another daemon answers there or the path is something else; it names the `option`
  /// with which another path can be chosen.
  ListeningSocket(std::string path, Admission admission, std::string option = "--socket");
  ~ListeningSocket();
  ListeningSocket(const ListeningSocket&) = delete;
  ListeningSocket& operator=(const ListeningSocket&) = delete;

  /// The descriptor, to accept connections on. The caller owns it.
  [[nodiscard]] UniqueFd take() { return std::move(fd_); }

  /// To be called now and then: a cleaner of /tmp may have removed the socket, and nobody would find us any
  /// more. True when it was made anew: take() has another descriptor. Throws PlaceTaken, or what keeps it
  /// from being made; that may be tried again.
  [[nodiscard]] bool renew();

 private:
  void bind();
  [[nodiscard]] bool in_place() const;

  std::string path_;
  std::string option_;
  Admission admission_;
  std::optional<DaemonLock> lock_;
  UniqueFd fd_;
  struct stat identity_ {};
};

}  // namespace samepage::dedup
