// SPDX-License-Identifier: Apache-2.0
#include "vmm/control/control_message.hpp"

#include <algorithm>
#include <system_error>

#include "base/framing.hpp"
#include "dedup/json_text.hpp"

namespace samepage::vmm {
namespace {

constexpr std::size_t data_part = max_payload / 2;

constexpr std::uint32_t type_of(ControlMessage message) {
  return static_cast<std::uint32_t>(message);
}

}  // namespace

bool send_request(int socket, const nlohmann::json& request, std::span<const int> fds) {
  try {
    return send_frame(socket, type_of(ControlMessage::request), text_of(request), fds);
  } catch (const std::system_error&) {
    return false;  // it does not take the request in time
  }
}

std::string text_of(const nlohmann::json& body) {
  return dedup::json_text(body);
}

std::optional<ControlAnswer> ask(int socket, const nlohmann::json& request, std::span<const int> fds) {
  return send_request(socket, request, fds) ? receive_answer(socket) : std::nullopt;
}

std::optional<ControlAnswer> receive_answer(int socket) {
  ControlAnswer answer;
  while (const std::optional<Frame> frame = receive_frame(socket)) {
    if (frame->type == type_of(ControlMessage::data)) {
      answer.data += frame->text();
      continue;
    }
    answer.body = nlohmann::json::parse(frame->text(), nullptr, false);
    if (!answer.body.is_object()) return std::nullopt;
    return answer;
  }
  return std::nullopt;
}

bool send_answer(int socket, const ControlAnswer& answer) {
  for (std::string_view rest = answer.data; !rest.empty();) {
    const std::string_view part = rest.substr(0, data_part);
    if (!send_frame(socket, type_of(ControlMessage::data), part)) return false;
    rest.remove_prefix(part.size());
  }
  return send_frame(socket, type_of(ControlMessage::answer), text_of(answer.body));
}

}  // namespace samepage::vmm
