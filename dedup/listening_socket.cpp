// SPDX-License-Identifier: Apache-2.0
#include "dedup/listening_socket.hpp"

#include <fmt/format.h>
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

sockaddr_un address_of(const std::string& path, const std::string& option) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof(address.sun_path)) {
    throw UserError(
        fmt::format("the socket path {} is longer than the {} bytes that a socket's name may have; choose "
                    "a shorter one with {}",
                    path, sizeof(address.sun_path) - 1, option));
  }
  path.copy(address.sun_path, path.size());
  return address;
}

void require_directory_of(const std::string& path, const std::string& option) {
  std::string directory = std::filesystem::path(path).parent_path();
  if (directory.empty()) directory = std::string(".");  // g++ 12 warns of the literal (GCC bug 105651)
  struct stat info {};
  if (::stat(directory.c_str(), &info) == 0 && S_ISDIR(info.st_mode)) return;
  throw UserError(
      fmt::format("the directory of the socket {} cannot be opened: {}; create it or choose another "
                  "socket with {}",
                  path, std::strerror(errno), option));
}

}  // namespace

ListeningSocket::ListeningSocket(std::string path, Admission admission, std::string option)
    : path_(std::move(path)), option_(std::move(option)), admission_(admission) {
  static_cast<void>(address_of(path_, option_));
  require_directory_of(path_, option_);
  if (auto lock = DaemonLock::take(path_)) lock_.emplace(std::move(*lock));
  // One that hangs, until nobody can connect, is one too; and so is one whose lock was removed.
  if (!lock_ || connect_local(path_, {1, 0}) || errno == EAGAIN) {
    throw UserError(fmt::format("a daemon already answers on {}; use it, or choose another socket with {}",
                                path_, option_));
  }
  bind();
}

void ListeningSocket::bind() {
  struct stat old {};
  if (::lstat(path_.c_str(), &old) == 0) {
    if (!S_ISSOCK(old.st_mode) || old.st_uid != ::geteuid()) {
      throw UserError(
          fmt::format("{} exists and is no socket of yours; remove it or choose another socket with "
                      "{}",
                      path_, option_));
    }
    check(::unlink(path_.c_str()), "unlink of a stale socket");
  }
  const sockaddr_un address = address_of(path_, option_);
  UniqueFd fd = checked_fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), "socket");
  // The mode is set before anybody can connect: connections are refused until listen().
  // SAFETY: the sockets interface takes every address family as sockaddr.
  check(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)), "bind " + path_);
  check(::chmod(path_.c_str(), admission_ == Admission::everybody ? 0666 : 0600), "chmod " + path_);
  check(::lstat(path_.c_str(), &identity_), "lstat " + path_);
  check(::listen(fd.get(), SOMAXCONN), "listen");
  fd_ = std::move(fd);
}

bool ListeningSocket::in_place() const {
  struct stat now {};
  return ::lstat(path_.c_str(), &now) == 0 && now.st_ino == identity_.st_ino &&
         now.st_dev == identity_.st_dev;
}

bool ListeningSocket::renew() {
  if (!lock_ || !lock_->in_place()) {
    lock_.reset();
    auto lock = DaemonLock::take(path_);
    if (!lock) throw PlaceTaken(fmt::format("another daemon has taken {}", path_));
    lock_.emplace(std::move(*lock));
  }
  if (in_place()) return false;
  // A service manager's socket has no lock. It was put here by the person whose path this is.
  if (connect_local(path_, {1, 0}) || errno == EAGAIN)
    throw PlaceTaken(fmt::format("another socket is listened on at {} now", path_));
  bind();
  return true;
}

ListeningSocket::~ListeningSocket() {
  if (in_place()) ::unlink(path_.c_str());
}

}  // namespace samepage::dedup
