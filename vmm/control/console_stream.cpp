// SPDX-License-Identifier: Apache-2.0
#include "vmm/control/console_stream.hpp"

#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

#include "base/framing.hpp"
#include "base/poll_timeout.hpp"
#include "dedup/json_text.hpp"

namespace samepage::vmm {
namespace {

constexpr std::size_t data_part = max_payload / 2;

std::optional<MessageHeader> header_of(std::string_view bytes) {
  MessageHeader header;
  if (bytes.size() < sizeof(header)) return std::nullopt;
  std::memcpy(&header, bytes.data(), sizeof(header));
  return header;
}

}  // namespace

std::string packed(ControlMessage type, std::string_view payload) {
  const MessageHeader header{static_cast<std::uint32_t>(payload.size()), static_cast<std::uint32_t>(type)};
  std::string bytes(sizeof(header), '\0');
  std::memcpy(bytes.data(), &header, sizeof(header));
  return bytes.append(payload);
}

std::string packed(const ControlAnswer& answer) {
  std::string bytes;
  for (std::string_view rest = answer.data; !rest.empty();) {
    const std::string_view part = rest.substr(0, data_part);
    bytes += packed(ControlMessage::data, part);
    rest.remove_prefix(part.size());
  }
  return bytes += packed(ControlMessage::answer, dedup::json_text(answer.body));
}

Sent send_some(int socket, std::string& bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(socket, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0) return errno == EAGAIN ? Sent::part : Sent::gone;
    bytes.erase(0, static_cast<std::size_t>(sent));
  }
  return Sent::all;
}

// Waits for room and sends; gives up at `end`.
bool send_until(int socket, std::string& bytes, std::chrono::steady_clock::time_point end) {
  for (;;) {
    const Sent sent = send_some(socket, bytes);
    if (sent != Sent::part) return sent == Sent::all;
    const int left = poll_timeout(end);
    if (left == 0) return false;
    pollfd wait{socket, POLLOUT, 0};
    if (::poll(&wait, 1, left) < 0 && errno != EINTR) return false;
  }
}

bool MessageAssembler::is_nonsense() const {
  const std::optional<MessageHeader> header = header_of(bytes_);
  return header && header->length > max_payload;
}

std::optional<MessageAssembler::Message> MessageAssembler::next() {
  const std::optional<MessageHeader> header = header_of(bytes_);
  if (!header || header->length > max_payload || bytes_.size() - sizeof(*header) < header->length) {
    return std::nullopt;
  }
  Message message{static_cast<ControlMessage>(header->type), bytes_.substr(sizeof(*header), header->length)};
  bytes_.erase(0, sizeof(*header) + header->length);
  return message;
}

}  // namespace samepage::vmm
