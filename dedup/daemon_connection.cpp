// SPDX-License-Identifier: Apache-2.0
#include "dedup/daemon_connection.hpp"

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/check.hpp"
#include "base/framing.hpp"

namespace samepage::dedup {
namespace {

timeval timeval_of(std::chrono::milliseconds time) {
  return {time.count() / 1000, time.count() % 1000 * 1000};
}

}  // namespace

UniqueFd connect_daemon(const std::string& path, std::chrono::milliseconds patience) {
  UniqueFd socket = connect_local(path, timeval_of(patience));
  if (!socket) {
    if (errno == ENOENT || errno == ECONNREFUSED) return {};
    if (errno == EAGAIN) throw DaemonHangs(path);
    throw UserError(
        fmt::format("the daemon's socket {} can't be used: {}; name another one with SAMEPAGE_SOCKET", path,
                    std::strerror(errno)));
  }
  const PeerCredentials peer = peer_of(socket.get());
  if (peer.uid != ::geteuid() && peer.uid != 0) {
    throw UserError(
        fmt::format("the daemon on {} belongs to user {}, not to you or root; name a socket of your own "
                    "with SAMEPAGE_SOCKET",
                    path, peer.uid));
  }
  return socket;
}

DaemonHangs::DaemonHangs(const std::string& path)
    : UserError(
          fmt::format("the daemon on {} hangs: it has not answered for {} s; wait until it goes on, or end "
                      "its process (samepaged)",
                      path, daemon_patience.count())) {}

std::string not_our_daemon(const std::string& path) {
  return fmt::format(
      "what answers on {} is no samepaged of this version; stop it, or name another socket with "
      "SAMEPAGE_SOCKET",
      path);
}

}  // namespace samepage::dedup
