// SPDX-License-Identifier: Apache-2.0
#include "dedup/daemon/peer_process.hpp"

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <fstream>

#include "base/check.hpp"

namespace samepage::dedup {

// SO_PEERPIDFD (Linux 6.5) is the peer's process itself; before, its number has to do, which the peer cannot
// choose.
UniqueFd pidfd_of(int socket, const PeerCredentials& peer) {
  constexpr int so_peerpidfd = 77;
  int fd = -1;
  socklen_t size = sizeof(fd);
  if (::getsockopt(socket, SOL_SOCKET, so_peerpidfd, &fd, &size) == 0) return UniqueFd(fd);
  if (errno == EMFILE || errno == ENFILE) throw_errno("SO_PEERPIDFD");
  if (peer.pid == 0) {
    throw UserError(
        "the guest's process is in a pid namespace that the daemon cannot see into, and this kernel (before "
        "Linux 6.5) has no other way to wait for its end; run the daemon in the same pid namespace");
  }
  return checked_fd(static_cast<int>(::syscall(SYS_pidfd_open, peer.pid, 0)), "pidfd_open of a peer");
}

ProcessKey process_key(const UniqueFd& life, const PeerCredentials& peer) {
  constexpr std::uint64_t anon_inode_magic = 0x09041934;
  struct statfs file_system {};
  check(::fstatfs(life.get(), &file_system), "fstatfs of a pidfd");
  if (static_cast<std::uint64_t>(file_system.f_type) == anon_inode_magic) {
    static ino_t unknown = 0;
    // Never equal to another: better two processes of one than one of two.
    if (peer.pid == 0) return {1, ++unknown};
    return {0, static_cast<ino_t>(peer.pid)};
  }
  struct stat info {};
  check(::fstat(life.get(), &info), "fstat of a pidfd");
  return {info.st_dev, info.st_ino};
}

std::optional<uid_t> unmapped_uid() {
  constexpr std::uint64_t all_users = 0xffff'ffff;  // all ones is nobody's number
  std::ifstream map("/proc/self/uid_map");
  std::uint64_t mapped = 0;
  for (std::uint64_t inside = 0, outside = 0, count = 0; map >> inside >> outside >> count;) mapped += count;
  if (mapped >= all_users) return std::nullopt;
  uid_t overflow = 65534;
  std::ifstream("/proc/sys/kernel/overflowuid") >> overflow;
  return overflow;
}

}  // namespace samepage::dedup
