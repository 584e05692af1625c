// SPDX-License-Identifier: Apache-2.0
#include "base/framing.hpp"

#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "base/check.hpp"
#include "base/message_receiver.hpp"
#include "base/sealed_address.hpp"

namespace samepage {
namespace {

// EAGAIN: the socket has a time limit, and the peer did not keep it.
bool peer_gone(int error) {
  return error == EPIPE || error == ECONNRESET || error == ENOTCONN || error == EAGAIN;
}

constexpr std::size_t longest_at_once = 1024;

// A message as sendmsg(2) takes it. What it points at, beside itself, are the payload's bytes.
struct Outgoing {
  Outgoing(std::uint32_t type, std::span<const std::byte> payload, std::span<const int> fds)
      : header{static_cast<std::uint32_t>(payload.size()), type},
        // SAFETY: sendmsg only reads through the iovec.
        parts{iovec{&header, sizeof(header)}, iovec{const_cast<std::byte*>(payload.data()), payload.size()}} {
    invariant(payload.size() <= max_payload, "a message is longer than messages may be");
    message.msg_iov = parts.data();
    message.msg_iovlen = parts.size();
    if (fds.empty()) return;
    invariant(fds.size() <= max_fds, "too many descriptors in one message");
    message.msg_control = control.data();
    message.msg_controllen = CMSG_SPACE(fds.size_bytes());
    cmsghdr* item = CMSG_FIRSTHDR(&message);
    item->cmsg_level = SOL_SOCKET;
    item->cmsg_type = SCM_RIGHTS;
    item->cmsg_len = CMSG_LEN(fds.size_bytes());
    std::memcpy(CMSG_DATA(item), fds.data(), fds.size_bytes());
  }
  Outgoing(const Outgoing&) = delete;
  Outgoing& operator=(const Outgoing&) = delete;
  ~Outgoing() = default;

  MessageHeader header;
  std::array<iovec, 2> parts;
  alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(max_fds * sizeof(int))> control{};
  msghdr message{};
};

}  // namespace

std::string_view Message::text() const {
  // SAFETY: char may alias any bytes.
  return {reinterpret_cast<const char*>(payload.data()), payload.size()};
}

bool send_message(int socket, std::uint32_t type, std::span<const std::byte> payload,
                  std::span<const int> fds, const SendAgain& again) {
  Outgoing outgoing(type, payload, fds);
  std::array<iovec, 2>& parts = outgoing.parts;
  msghdr& message = outgoing.message;
  while (parts[0].iov_len + parts[1].iov_len > 0) {
    const ssize_t sent = ::sendmsg(socket, &message, MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0 && peer_gone(errno)) return false;
    if (sent < 0 && again && (errno == ENOBUFS || errno == ENOMEM)) {
      if (!again(errno)) return false;
      continue;
    }
    std::size_t left = static_cast<std::size_t>(check(sent, "sendmsg"));
    message.msg_control = nullptr;  // the descriptors went with the first bytes
    message.msg_controllen = 0;
    for (iovec& part : parts) {
      const std::size_t taken = std::min(left, part.iov_len);
      part.iov_base = static_cast<std::byte*>(part.iov_base) + taken;
      part.iov_len -= taken;
      left -= taken;
    }
  }
  return true;
}

bool send_message(int socket, std::uint32_t type, std::string_view text, std::span<const int> fds) {
  return send_message(socket, type, std::as_bytes(std::span(text)), fds);
}

// The kernel takes so short a message whole or not at all.
Sent try_send_message(int socket, std::uint32_t type, std::span<const std::byte> payload,
                      std::span<const int> fds) {
  Outgoing outgoing(type, payload, fds);
  const std::size_t length = sizeof(MessageHeader) + payload.size();
  invariant(length <= longest_at_once, "a message is too long to be sent at once");
  ssize_t sent = 0;
  do sent = ::sendmsg(socket, &outgoing.message, MSG_NOSIGNAL | MSG_DONTWAIT);
  while (sent < 0 && errno == EINTR);
  if (sent < 0 && (errno == EAGAIN || errno == ENOBUFS || errno == ENOMEM)) return Sent::later;
  return sent == static_cast<ssize_t>(length) ? Sent::whole : Sent::gone;
}

std::optional<Message> receive_message(int socket) {
  MessageReceiver receiver;
  if (receiver.receive(socket, MessageReceiver::Wait::yes) != MessageReceiver::State::whole)
    return std::nullopt;
  return receiver.take();
}

std::pair<UniqueFd, UniqueFd> connected_sockets() {
  std::array<int, 2> ends{};
  check(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), "socketpair");
  return {UniqueFd(ends[0]), UniqueFd(ends[1])};
}

void limit_waits(int socket, timeval patience) {
  for (const int option : {SO_RCVTIMEO, SO_SNDTIMEO}) {
    check(::setsockopt(socket, SOL_SOCKET, option, &patience, sizeof(patience)), "setsockopt");
  }
}

UniqueFd connect_local(const std::string& path, timeval patience) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof(address.sun_path)) {
    errno = ENAMETOOLONG;
    return {};
  }
  path.copy(address.sun_path, path.size());
  // A confined process may connect to this one alone.
  const sockaddr_un* const sealed = sealed_address_of(path);
  UniqueFd socket = checked_fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
  limit_waits(socket.get(), patience);
  // SAFETY: the sockets interface takes every address family as sockaddr.
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(sealed != nullptr ? sealed : &address),
                sizeof(address)) != 0)
    return {};
  return socket;
}

PeerCredentials peer_of(int socket) {
  ucred credentials{};
  socklen_t size = sizeof(credentials);
  check(::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &size), "getsockopt SO_PEERCRED");
  return {credentials.pid, credentials.uid};
}

}  // namespace samepage
