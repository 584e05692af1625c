// SPDX-License-Identifier: Apache-2.0
#include "dedup/daemon/listening_socket.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "base/check.hpp"
#include "base/framing.hpp"

namespace samepage::dedup {
namespace {

// Daemons that start at the same time take turns: who holds the directory's lock may look and bind.
UniqueFd lock_directory_of(const std::string& path) {
  std::string directory = std::filesystem::path(path).parent_path();
  if (directory.empty()) directory = std::string(".");  // g++ 12 warns of the literal (GCC bug 105651)
  UniqueFd fd(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd) {
    throw UserError(
        fmt::format("the directory of the socket {} cannot be opened: {}; create it or choose another "
                    "socket with --socket",
                    path, std::strerror(errno)));
  }
  check(::flock(fd.get(), LOCK_EX), "flock");
  return fd;
}

}  // namespace

ListeningSocket::ListeningSocket(std::string path, Admission admission) : path_(std::move(path)) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path_.size() >= sizeof(address.sun_path)) {
    throw UserError(
        fmt::format("the socket path {} is longer than the {} bytes that a socket's name may have; choose "
                    "a shorter one with --socket or SAMEPAGE_SOCKET",
                    path_, sizeof(address.sun_path) - 1));
  }
  path_.copy(address.sun_path, path_.size());
  const UniqueFd lock = lock_directory_of(path_);
  // One that hangs, until nobody can connect, is one too.
  if (connect_local(path_, {1, 0}) || errno == EAGAIN) {
    throw UserError(
        fmt::format("a daemon already answers on {}; use it, or choose another socket with --socket", path_));
  }
  struct stat old {};
  if (::lstat(path_.c_str(), &old) == 0) {
    if (!S_ISSOCK(old.st_mode) || old.st_uid != ::geteuid()) {
      throw UserError(
          fmt::format("{} exists and is no socket of yours; remove it or choose another socket with "
                      "--socket",
                      path_));
    }
    check(::unlink(path_.c_str()), "unlink of a stale socket");
  }
  fd_ = checked_fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), "socket");
  // The mode is set before anybody can connect: connections are refused until listen().
  // SAFETY: the sockets interface takes every address family as sockaddr.
  check(::bind(fd_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)), "bind " + path_);
  check(::chmod(path_.c_str(), admission == Admission::everybody ? 0666 : 0600), "chmod " + path_);
  check(::lstat(path_.c_str(), &identity_), "lstat " + path_);
  check(::listen(fd_.get(), SOMAXCONN), "listen");
}

ListeningSocket::~ListeningSocket() {
  struct stat now {};
  if (::lstat(path_.c_str(), &now) == 0 && now.st_ino == identity_.st_ino && now.st_dev == identity_.st_dev) {
    ::unlink(path_.c_str());
  }
}

}  // namespace samepage::dedup
