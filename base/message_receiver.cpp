// SPDX-License-Identifier: Apache-2.0
#include "base/message_receiver.hpp"

#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

namespace samepage {
namespace {

void collect_fds(msghdr& message, std::vector<UniqueFd>& fds) {
  for (cmsghdr* item = CMSG_FIRSTHDR(&message); item != nullptr; item = CMSG_NXTHDR(&message, item)) {
    if (item->cmsg_level != SOL_SOCKET || item->cmsg_type != SCM_RIGHTS) continue;
    const std::size_t count = (item->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < count; ++i) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(item) + i * sizeof(int), sizeof(int));
      fds.emplace_back(fd);
    }
  }
}

}  // namespace

// The rest of the header, or else of the payload.
std::span<std::byte> MessageReceiver::missing() {
  if (received_ < sizeof(header_)) return std::as_writable_bytes(std::span(&header_, 1)).subspan(received_);
  return std::span(message_.payload).subspan(received_ - sizeof(header_));
}

MessageReceiver::State MessageReceiver::receive(int socket, Wait wait) {
  for (;;) {
    if (received_ == sizeof(header_)) {
      if (header_.length > max_payload) {
        errno = EPROTO;
        return State::gone;
      }
      message_.type = header_.type;
      message_.payload.resize(header_.length);
    }
    const std::span<std::byte> part = missing();
    if (part.empty()) return State::whole;
    iovec target{part.data(), part.size()};
    alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(max_fds * sizeof(int))> control{};
    msghdr message{};
    message.msg_iov = &target;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    const int flags = MSG_CMSG_CLOEXEC | (wait == Wait::no ? MSG_DONTWAIT : 0);
    const ssize_t got = ::recvmsg(socket, &message, flags);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == EAGAIN && wait == Wait::no) return State::partial;
    if (got == 0) errno = ECONNRESET;
    if (got <= 0) return State::gone;
    collect_fds(message, message_.fds);
    if (message_.fds.size() > max_fds) {
      errno = EPROTO;
      return State::gone;
    }
    received_ += static_cast<std::size_t>(got);
  }
}

Message MessageReceiver::take() {
  received_ = 0;
  return std::exchange(message_, {});
}

}  // namespace samepage
