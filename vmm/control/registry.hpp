// SPDX-License-Identifier: Apache-2.0
// Who runs on this host: one socket NAME.sock a guest in one directory. A guest is there as long as somebody
// listens on its socket; a socket that nobody listens on is what a killed guest left, and whoever meets it
// removes it. Binding and removing happen under a lock of the directory, so no two guests get one name and
// no live socket is removed. Sockets are named through /proc/self/fd, so the length of the directory's path
// does not matter.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/unique_fd.hpp"

namespace samepage::vmm {

/// A name that this process holds, and the socket that others reach it on. Gives the name back at its end.
class NameClaim {
 public:
  NameClaim(NameClaim&&) noexcept = default;
  NameClaim& operator=(NameClaim&&) = delete;
  NameClaim(const NameClaim&) = delete;
  NameClaim& operator=(const NameClaim&) = delete;
  ~NameClaim();

  [[nodiscard]] const std::string& name() const { return name_; }
  /// Listens; does not block in accept.
  [[nodiscard]] int listener() const { return listener_.get(); }

 private:
  friend class GuestRegistry;
  NameClaim(std::string name, UniqueFd directory, UniqueFd listener)
      : name_(std::move(name)), directory_(std::move(directory)), listener_(std::move(listener)) {}

  std::string name_;
  UniqueFd directory_;
  UniqueFd listener_;
};

/// The directory of the guests' sockets.
class GuestRegistry {
 public:
  /// Creates `directory` when it is missing. Throws std::system_error.
  explicit GuestRegistry(std::string directory);
  /// The one of this user: guests/ in runtime_dir().
  static GuestRegistry of_this_user();

  /// Takes `name`. Throws UserError when a live guest has it.
  [[nodiscard]] NameClaim claim(const std::string& name) const;
  /// Takes "BASE-N" with the lowest N from `first` on that is free.
  [[nodiscard]] NameClaim claim_numbered(std::string_view base, unsigned first = 1) const;

  /// All names in alphabetical order, those of stale sockets among them.
  [[nodiscard]] std::vector<std::string> names() const;
  /// A connected, non-blocking socket to the guest; none when no such guest lives, and then its socket is
  /// gone as well. Does not wait; throws std::system_error (EAGAIN) where the guest does not take
  /// connections.
  [[nodiscard]] UniqueFd connect(const std::string& name) const;

  /// Removes what a guest that was killed has left.
  void prune(const std::string& name) const { static_cast<void>(connect(name)); }

 private:
  [[nodiscard]] NameClaim claim_locked(const std::string& name) const;

  std::string path_;
  UniqueFd directory_;
};

}  // namespace samepage::vmm
