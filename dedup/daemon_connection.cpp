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

void set_read_limit(int socket, timeval limit) {
  check(::setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)), "setsockopt SO_RCVTIMEO");
}

}  // namespace

UniqueFd connect_daemon(const std::string& path) {
  UniqueFd socket = connect_local(path);
  if (!socket) {
    if (errno == ENOENT || errno == ECONNREFUSED) return {};
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
  set_read_limit(socket.get(), {10, 0});
  return socket;
}

void wait_without_limit(int socket) {
  set_read_limit(socket, {0, 0});
}

std::string not_our_daemon(const std::string& path) {
  return fmt::format(
      "what answers on {} is no samepaged of this version; stop it, or name another socket with "
      "SAMEPAGE_SOCKET",
      path);
}

}  // namespace samepage::dedup
