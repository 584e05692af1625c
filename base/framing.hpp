// SPDX-License-Identifier: Apache-2.0
// Length-prefixed messages over a local stream socket, with file descriptors where they are needed.
// Both the agent <-> daemon protocol and the guests' control sockets are made of these.
#pragma once

#include <sys/time.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/unique_fd.hpp"

namespace samepage {

/// What stands before each message, in host byte order: both ends are on one host.
struct MessageHeader {
  std::uint32_t length = 0;  // bytes of payload that follow
  std::uint32_t type = 0;
};
static_assert(sizeof(MessageHeader) == 8);

/// A longer payload is a malformed message.
inline constexpr std::uint32_t max_payload = 1U << 20;
/// Descriptors that come with one message, at most.
inline constexpr std::size_t max_fds = 16;

/// One message; the descriptors are those that came with it.
struct Message {
  std::uint32_t type = 0;
  std::vector<std::byte> payload;
  std::vector<UniqueFd> fds;

  [[nodiscard]] std::string_view text() const;
};

/// Asked when the kernel has no memory for a message (an errno): whether to try once more.
using SendAgain = std::function<bool(int error)>;
/// Writes one message to a blocking socket. False when the peer is gone, or `again` says no; throws
/// std::system_error otherwise.
[[nodiscard]] bool send_message(int socket, std::uint32_t type, std::span<const std::byte> payload,
                                std::span<const int> fds = {}, const SendAgain& again = {});
[[nodiscard]] bool send_message(int socket, std::uint32_t type, std::string_view text,
                                std::span<const int> fds = {});

/// The same for a message that is short, with descriptors, on a socket that is never waited for.
enum class Sent : std::uint8_t {
  whole,
  later,  // nothing of it: there is no room in the socket's buffer
  gone,   // the peer is
};
[[nodiscard]] Sent try_send_message(int socket, std::uint32_t type, std::span<const std::byte> payload,
                                    std::span<const int> fds);

/// Reads one message from a blocking socket. Empty when there is none, and errno says why: EAGAIN when the
/// peer was silent for longer than limit_waits() allows, EPROTO when what it says is not a message, else it
/// is gone.
[[nodiscard]] std::optional<Message> receive_message(int socket);

/// A connected stream socket to `path`, or none with errno set. `patience` as in limit_waits(), for the
/// connection too.
UniqueFd connect_local(const std::string& path, timeval patience = {});

/// Two stream sockets that are each other's ends.
std::pair<UniqueFd, UniqueFd> connected_sockets();

/// Each wait on a socket ends after `patience` as if the peer were gone (errno EAGAIN); 0 is for ever.
void limit_waits(int socket, timeval patience);

/// Who is at the other end of a local socket (SO_PEERCRED).
struct PeerCredentials {
  pid_t pid = 0;
  uid_t uid = 0;
};
PeerCredentials peer_of(int socket);

}  // namespace samepage
