// SPDX-License-Identifier: Apache-2.0
#include "vmm/control/control_message.hpp"

#include <poll.h>

#include <cerrno>
#include <system_error>

#include "base/check.hpp"
#include "base/framing.hpp"
#include "base/poll_timeout.hpp"
#include "dedup/json_text.hpp"

namespace samepage::vmm {
namespace {

constexpr std::uint32_t type_of(ControlMessage message) {
  return static_cast<std::uint32_t>(message);
}

// Whether there is something to read before the deadline.
bool can_read(int socket, const Deadline& deadline) {
  for (;;) {
    const int patience = deadline ? poll_timeout(*deadline) : -1;
    if (patience == 0) return false;
    pollfd wait{socket, POLLIN, 0};
    const int ready = ::poll(&wait, 1, patience);
    if (ready > 0) return true;
    if (ready < 0 && errno != EINTR) throw_errno("poll of a control socket");
  }
}

}  // namespace

AnswerReceiver::State AnswerReceiver::receive(int socket) {
  for (;;) {
    const State state = message_.receive(socket);
    if (state != State::whole) return state;
    const Message message = message_.take();
    if (message.type == type_of(ControlMessage::data)) {
      answer_.data += message.text();
      continue;
    }
    answer_.body = nlohmann::json::parse(message.text(), nullptr, false);
    return answer_.body.is_object() ? State::whole : State::gone;
  }
}

bool send_request(int socket, const nlohmann::json& request, std::span<const int> fds) {
  try {
    return send_message(socket, type_of(ControlMessage::request), dedup::json_text(request), fds);
  } catch (const std::system_error&) {
    return false;  // it does not take the request in time
  }
}

std::optional<ControlAnswer> ask(int socket, const nlohmann::json& request, std::span<const int> fds,
                                 Deadline deadline) {
  return send_request(socket, request, fds) ? receive_answer(socket, deadline) : std::nullopt;
}

std::optional<ControlAnswer> receive_answer(int socket, Deadline deadline) {
  AnswerReceiver answer;
  while (can_read(socket, deadline)) {
    const AnswerReceiver::State state = answer.receive(socket);
    if (state == AnswerReceiver::State::whole) return answer.take();
    if (state == AnswerReceiver::State::gone) return std::nullopt;
  }
  return std::nullopt;
}

}  // namespace samepage::vmm
