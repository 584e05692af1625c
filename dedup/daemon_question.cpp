// SPDX-License-Identifier: Apache-2.0
#include "dedup/daemon_question.hpp"

#include <fmt/format.h>

#include "base/framing.hpp"
#include "dedup/daemon_connection.hpp"
#include "dedup/json_text.hpp"
#include "dedup/protocol.hpp"

namespace samepage::dedup {
namespace {

constexpr std::uint32_t type_of(wire::Type type) {
  return static_cast<std::uint32_t>(type);
}

}  // namespace

std::optional<DaemonQuestion> DaemonQuestion::ask(std::string path, UniqueFd socket,
                                                  const nlohmann::json& request) {
  if (!send_message(socket.get(), type_of(wire::Type::query), json_text(request))) return std::nullopt;
  return DaemonQuestion(std::move(path), std::move(socket));
}

bool DaemonQuestion::receive() {
  for (;;) {
    const MessageReceiver::State state = message_.receive(socket_.get());
    if (state == MessageReceiver::State::partial) return false;
    if (state == MessageReceiver::State::gone) throw DaemonGone(not_our_daemon(path_));
    const Message message = message_.take();
    if (message.type == type_of(wire::Type::refused)) {
      throw UserError(fmt::format("the daemon refuses: {}", message.text()));
    }
    const bool last = message.type == type_of(wire::Type::reply);
    if (!last && message.type != type_of(wire::Type::reply_part)) throw UserError(not_our_daemon(path_));
    text_ += message.text();
    if (!last) continue;
    answer_ = nlohmann::json::parse(text_, nullptr, false);
    if (!answer_.is_object()) throw UserError(not_our_daemon(path_));
    return true;
  }
}

}  // namespace samepage::dedup
