// SPDX-License-Identifier: Apache-2.0
// Getting through to the daemon, for agents and commands alike: a socket that belongs to somebody else is no
// daemon of ours, and one that says nothing is given up on.
#pragma once

#include <chrono>
#include <string>

#include "base/check.hpp"
#include "base/unique_fd.hpp"

namespace samepage::dedup {

/// A daemon that hangs must not make its guests hang: who gets no answer for this long has lost it.
inline constexpr std::chrono::seconds daemon_patience{5};

/// A blocking connection that gives up on reads and writes after `patience`, or none when nobody listens on
/// `path`. Throws UserError when whoever listens is neither this user nor root, or when the path can't be
/// used, and DaemonHangs when it takes no callers.
UniqueFd connect_daemon(const std::string& path, std::chrono::milliseconds patience = daemon_patience);

/// A daemon listens, but has taken no connection or said nothing for as long as we wait. It may go on later.
class DaemonHangs : public UserError {
 public:
  explicit DaemonHangs(const std::string& path);
};

/// Nobody listens.
class NoDaemon : public UserError {
 public:
  using UserError::UserError;
};

/// It does not let the guest in: its host's policy is why. The guest may ask again when the daemon has closed
/// the connection.
class GuestKeptOut : public UserError {
 public:
  using UserError::UserError;
};

/// The text for a peer that answers, but not as a samepaged of this version does.
std::string not_our_daemon(const std::string& path);

}  // namespace samepage::dedup
