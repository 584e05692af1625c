// SPDX-License-Identifier: Apache-2.0
#include "vmm/control/registry.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <memory>

#include "base/check.hpp"
#include "base/framing.hpp"
#include "base/runtime_dir.hpp"
#include "vmm/control/guest_name.hpp"

namespace samepage::vmm {
namespace {

constexpr std::string_view suffix = ".sock";
constexpr int backlog = SOMAXCONN;  // a guest that hangs can still be called, and so be found and killed

std::string file_of(std::string_view name) {
  return std::string(name).append(suffix);
}

sockaddr_un address_of(int directory, std::string_view name) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string path = fmt::format("/proc/self/fd/{}/{}", directory, file_of(name));
  invariant(path.size() < sizeof(address.sun_path), "a guest's socket path is too long");
  path.copy(address.sun_path, path.size());
  return address;
}

// Connected, or none with errno set; EAGAIN: somebody is there, but has too many callers that it has not
// taken.
UniqueFd try_connect(int directory, std::string_view name) {
  const sockaddr_un address = address_of(directory, name);
  UniqueFd socket = checked_fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), "socket");
  // SAFETY: the sockets interface takes every address family as sockaddr.
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) return {};
  return socket;
}

bool nobody_there(int error) {
  return error == ECONNREFUSED || error == ENOENT;
}

void remove_socket(int directory, std::string_view name) {
  if (::unlinkat(directory, file_of(name).c_str(), 0) != 0 && errno != ENOENT) throw_errno("unlink");
}

// Holds the directory's lock for as long as it lives. The lock belongs to an open of its own.
class DirectoryLock {
 public:
  explicit DirectoryLock(const std::string& path)
      : fd_(checked_fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC), "open " + path)) {
    while (::flock(fd_.get(), LOCK_EX) != 0) {
      if (errno != EINTR) throw_errno("flock " + path);
    }
  }

 private:
  UniqueFd fd_;
};

}  // namespace

NameClaim::~NameClaim() {
  // Unlinked while it still listens: as long as it does, nobody takes the name.
  if (listener_) ::unlinkat(directory_.get(), file_of(name_).c_str(), 0);
}

GuestRegistry::GuestRegistry(std::string directory) : path_(std::move(directory)) {
  if (::mkdir(path_.c_str(), 0700) != 0 && errno != EEXIST) throw_errno("mkdir " + path_);
  directory_ = checked_fd(::open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC), "open " + path_);
}

GuestRegistry GuestRegistry::of_this_user() {
  return GuestRegistry(runtime_dir() + "/guests");
}

NameClaim GuestRegistry::claim_locked(const std::string& name) const {
  const sockaddr_un address = address_of(directory_.get(), name);
  UniqueFd listener = checked_fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), "socket");
  // SAFETY: the sockets interface takes every address family as sockaddr.
  check(::bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)), "bind " + name);
  check(::listen(listener.get(), backlog), "listen");
  return {name, checked_fd(::fcntl(directory_.get(), F_DUPFD_CLOEXEC, 0), "fcntl"), std::move(listener)};
}

NameClaim GuestRegistry::claim(const std::string& name) const {
  require_guest_name(name);
  const DirectoryLock lock(path_);
  const UniqueFd other = try_connect(directory_.get(), name);
  if (other || !nobody_there(errno)) {
    const std::string pid = other ? fmt::format(" (pid {})", peer_of(other.get()).pid) : "";
    throw UserError(fmt::format(
        "a guest named '{0}' is running{1}: choose another name with --name, or end that one with "
        "'samepage stop {0}'",
        name, pid));
  }
  remove_socket(directory_.get(), name);
  return claim_locked(name);
}

NameClaim GuestRegistry::claim_numbered(std::string_view base, unsigned first) const {
  const DirectoryLock lock(path_);
  for (unsigned number = first;; ++number) {
    const std::string name = fmt::format("{}-{}", base, number);
    if (try_connect(directory_.get(), name) || !nobody_there(errno)) continue;
    remove_socket(directory_.get(), name);
    return claim_locked(name);
  }
}

std::vector<std::string> GuestRegistry::names() const {
  const int copy =
      check(::openat(directory_.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), "open " + path_);
  const auto close = [](DIR* stream) { ::closedir(stream); };
  const std::unique_ptr<DIR, decltype(close)> stream(::fdopendir(copy), close);
  if (!stream) throw_errno("fdopendir");
  std::vector<std::string> names;
  while (const dirent* entry = ::readdir(stream.get())) {
    std::string_view file = entry->d_name;
    if (!file.ends_with(suffix)) continue;
    file.remove_suffix(suffix.size());
    if (is_guest_name(file)) names.emplace_back(file);
  }
  std::sort(names.begin(), names.end());
  return names;
}

UniqueFd GuestRegistry::connect(const std::string& name) const {
  require_guest_name(name);
  UniqueFd socket = try_connect(directory_.get(), name);
  if (socket) return socket;
  if (errno == ENOENT) return {};
  if (errno != ECONNREFUSED) throw_errno("connect to guest " + name);
  // Nobody listens now; under the lock that is final.
  const DirectoryLock lock(path_);
  socket = try_connect(directory_.get(), name);
  if (!socket && nobody_there(errno)) remove_socket(directory_.get(), name);
  return socket;
}

}  // namespace samepage::vmm
