// SPDX-License-Identifier: Apache-2.0
// The process at the other end of a connection, as the kernel tells it: a pidfd to wait for its end, and what
// tells it from every other process. Its number (pid) does neither: it is used again, and in a pid namespace
// all processes outside have the number 0.
#pragma once

#include <sys/types.h>

#include <compare>
#include <optional>

#include "base/framing.hpp"
#include "base/unique_fd.hpp"

namespace samepage::dedup {

/// Tells processes apart for as long as a descriptor of each is kept.
struct ProcessKey {
  dev_t device = 0;
  ino_t inode = 0;

  friend auto operator<=>(const ProcessKey&, const ProcessKey&) = default;
};

/// A descriptor that becomes readable when the peer's process is gone. Throws UserError when there is none.
UniqueFd pidfd_of(int socket, const PeerCredentials& peer);

/// `life` is from pidfd_of() or, in tests, a pipe. Before Linux 6.9 all pidfds have one inode, and the
/// process's number has to do: it is not used again before the process is gone.
ProcessKey process_key(const UniqueFd& life, const PeerCredentials& peer);

/// The number that stands for every user whom this process's user namespace does not map, as in a rootless
/// container; none where all users are mapped. Users with this number can't be told apart.
std::optional<uid_t> unmapped_uid();

}  // namespace samepage::dedup
