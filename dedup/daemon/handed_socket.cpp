// SPDX-License-Identifier: Apache-2.0
#include "dedup/daemon/handed_socket.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <charconv>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "base/check.hpp"

namespace samepage::dedup {
namespace {

constexpr int first_handed = 3;

std::optional<long> whole_number(const char* text) {
  if (text == nullptr) return std::nullopt;
  long number = 0;
  const char* const end = text + std::strlen(text);
  const auto [rest, error] = std::from_chars(text, end, number);
  if (error != std::errc{} || rest != end) return std::nullopt;
  return number;
}

bool is(int fd, int option, int wanted) {
  int value = 0;
  socklen_t size = sizeof(value);
  return ::getsockopt(fd, SOL_SOCKET, option, &value, &size) == 0 && value == wanted;
}

std::string path_of(int fd) {
  sockaddr_un address{};
  socklen_t size = sizeof(address);
  // SAFETY: the sockets interface takes every address family as sockaddr.
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0) return {};
  if (size <= offsetof(sockaddr_un, sun_path) || address.sun_path[0] == '\0') return {};  // it has no path
  const std::size_t longest = size - offsetof(sockaddr_un, sun_path);
  return {address.sun_path, ::strnlen(address.sun_path, longest)};
}

}  // namespace

unsigned handed_descriptors(const char* listen_pid, const char* listen_fds, pid_t own) {
  const std::optional<long> pid = whole_number(listen_pid), count = whole_number(listen_fds);
  if (!pid || !count || *pid != own || *count < 0 || *count > 1024) return 0;
  return static_cast<unsigned>(*count);
}

std::optional<HandedSocket> take_handed_socket() {
  const unsigned count = handed_descriptors(std::getenv("LISTEN_PID"), std::getenv("LISTEN_FDS"), ::getpid());
  for (const char* name : {"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"}) ::unsetenv(name);
  if (count == 0) return std::nullopt;
  constexpr std::string_view way_out = "; give its unit one ListenStream= with a path";
  if (count != 1)
    throw UserError(
        fmt::format("the service manager hands over {} sockets, and one is needed{}", count, way_out));
  HandedSocket handed;
  if (is(first_handed, SO_DOMAIN, AF_UNIX) && is(first_handed, SO_TYPE, SOCK_STREAM) &&
      is(first_handed, SO_ACCEPTCONN, 1)) {
    handed.path = path_of(first_handed);
  }
  if (handed.path.empty()) {
    throw UserError(
        fmt::format("what the service manager hands over is not a local socket that listens{}", way_out));
  }
  handed.fd = UniqueFd(first_handed);
  check(::fcntl(first_handed, F_SETFD, FD_CLOEXEC), "fcntl");
  check(::fcntl(first_handed, F_SETFL, check(::fcntl(first_handed, F_GETFL), "fcntl") | O_NONBLOCK), "fcntl");
  struct stat info {};
  check(::stat(handed.path.c_str(), &info), "stat " + handed.path);
  handed.for_others = (info.st_mode & 0077) != 0;
  return handed;
}

}  // namespace samepage::dedup
