// SPDX-License-Identifier: Apache-2.0
#include "dedup/daemon_client.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <chrono>
#include <thread>
#include <vector>

#include "base/check.hpp"
#include "base/framing.hpp"
#include "dedup/daemon_connection.hpp"
#include "dedup/daemon_lock.hpp"
#include "dedup/daemon_start.hpp"
#include "dedup/json_text.hpp"
#include "dedup/protocol.hpp"

namespace samepage::dedup {
namespace {

using nlohmann::json;

// A daemon whose socket was removed makes it anew soon (ListeningSocket::renew()).
constexpr std::chrono::seconds socket_patience{5};

}  // namespace

std::optional<json> ask_daemon(const std::string& socket_path, const json& request) {
  const UniqueFd socket = connect_daemon(socket_path);
  if (!socket) return std::nullopt;
  if (!send_frame(socket.get(), static_cast<std::uint32_t>(wire::Type::query), json_text(request)))
    return std::nullopt;
  std::string text;
  auto reply = receive_frame(socket.get());
  for (; reply && reply->type == static_cast<std::uint32_t>(wire::Type::reply_part);
       reply = receive_frame(socket.get())) {
    text += reply->text();
  }
  if (!reply && errno == EAGAIN) throw DaemonHangs(socket_path);
  if (reply && reply->type == static_cast<std::uint32_t>(wire::Type::refused)) {
    throw UserError(fmt::format("the daemon refuses: {}", reply->text()));
  }
  json answer;
  if (reply && reply->type == static_cast<std::uint32_t>(wire::Type::reply)) {
    answer = json::parse(text += reply->text(), nullptr, false);
  }
  if (!answer.is_object()) throw UserError(not_our_daemon(socket_path));
  return answer;
}

UniqueFd ensure_daemon(const std::string& socket_path, const std::vector<std::string>& extra_arguments) {
  if (UniqueFd daemon = connect_daemon(socket_path)) return daemon;
  std::string problem;
  if (!DaemonLock::is_held(socket_path)) problem = start_daemon(socket_path, extra_arguments);
  // Ours, or one that somebody else started at the same time, or one that nobody could find for a while.
  const auto end = std::chrono::steady_clock::now() + socket_patience;
  do {
    if (UniqueFd daemon = connect_daemon(socket_path)) return daemon;
    if (!DaemonLock::is_held(socket_path)) {
      throw UserError(fmt::format("no samepaged answers on {} and none could be started: {}", socket_path,
                                  problem.empty() ? "it ended at once" : problem));
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  } while (std::chrono::steady_clock::now() < end);
  throw DaemonHangs(socket_path);
}

}  // namespace samepage::dedup
