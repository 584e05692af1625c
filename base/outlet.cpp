// SPDX-License-Identifier: Apache-2.0
#include "base/outlet.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <limits>

#include "base/open_again.hpp"

namespace samepage {
namespace {

enum class Kind { terminal, pipe, socket, other };

Kind kind_of(int fd) {
  struct stat info {};
  if (::isatty(fd) != 0) return Kind::terminal;
  if (::fstat(fd, &info) != 0) return Kind::other;
  if (S_ISFIFO(info.st_mode)) return Kind::pipe;
  return S_ISSOCK(info.st_mode) ? Kind::socket : Kind::other;
}

// A terminal that polls as writable may still block on a long write. A pipe may block when another process
// fills it first.
UniqueFd own_opening_of(int fd, Kind kind) {
  if (kind != Kind::terminal && kind != Kind::pipe) return {};
  return open_again(fd, O_WRONLY | O_NONBLOCK | O_NOCTTY);
}

// Where the file can't be opened once more (it is another user's): a pipe that polls as writable takes
// PIPE_BUF bytes, a terminal at least one.
std::size_t piece_of(Kind kind, bool opened) {
  if (opened || kind == Kind::other) return std::numeric_limits<std::size_t>::max();
  return kind == Kind::terminal ? 1 : PIPE_BUF;
}

}  // namespace

Outlet::Outlet(int fd)
    : fd_(fd),
      own_(own_opening_of(fd, kind_of(fd))),
      piece_(piece_of(kind_of(fd), static_cast<bool>(own_))) {}

Outlet::Written Outlet::write_some(std::string_view text) const {
  pollfd room{fd(), POLLOUT, 0};
  if (::poll(&room, 1, 0) <= 0) return {};
  const std::string_view piece = text.substr(0, piece_);
  const ssize_t written = ::write(fd(), piece.data(), piece.size());
  if (written > 0 || piece.empty()) return {static_cast<std::size_t>(written), 0};
  if (written == 0) return {0, EIO};
  return {0, errno == EAGAIN || errno == EINTR ? 0 : errno};
}

Delivery write_all(const Outlet& outlet, std::string_view text, int stop, int patience_ms) {
  while (!text.empty()) {
    const Outlet::Written written = outlet.write_some(text);
    text.remove_prefix(written.bytes);
    if (written.error != 0) return {text.size(), written.error};
    if (written.bytes != 0) continue;
    std::array<pollfd, 2> waits{pollfd{outlet.fd(), POLLOUT, 0}, pollfd{stop, POLLIN, 0}};
    const int ready = ::poll(waits.data(), waits.size(), patience_ms);
    if (ready == 0 || (ready > 0 && waits[1].revents != 0)) return {text.size(), 0};
  }
  return {};
}

}  // namespace samepage
