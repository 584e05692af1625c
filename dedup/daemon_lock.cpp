// SPDX-License-Identifier: Apache-2.0
#include "dedup/daemon_lock.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/check.hpp"

namespace samepage::dedup {
namespace {

std::string lock_path(const std::string& socket_path) {
  return socket_path + ".lock";
}

bool is_at(const std::string& path, const UniqueFd& fd) {
  struct stat there {};
  struct stat ours {};
  return ::lstat(path.c_str(), &there) == 0 && ::fstat(fd.get(), &ours) == 0 && there.st_ino == ours.st_ino &&
         there.st_dev == ours.st_dev;
}

}  // namespace

std::optional<DaemonLock> DaemonLock::take(const std::string& socket_path) {
  const std::string path = lock_path(socket_path);
  for (;;) {
    UniqueFd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!fd) {
      throw UserError(
          fmt::format("the daemon's lock {} cannot be made: {}; choose a socket in a directory of yours with "
                      "--socket or SAMEPAGE_SOCKET",
                      path, std::strerror(errno)));
    }
    if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
      if (errno == EINTR) continue;
      if (errno == EWOULDBLOCK) return std::nullopt;
      throw_errno("flock " + path);
    }
    // Whoever had it may have removed the file between our two calls: then this is a lock of nothing.
    if (is_at(path, fd)) return DaemonLock(path, std::move(fd));
  }
}

bool DaemonLock::is_held(const std::string& socket_path) {
  const UniqueFd fd(::open(lock_path(socket_path).c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  return fd && ::flock(fd.get(), LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
}

bool DaemonLock::in_place() const {
  return is_at(path_, fd_);
}

DaemonLock::~DaemonLock() {
  if (fd_ && in_place()) ::unlink(path_.c_str());
}

}  // namespace samepage::dedup
