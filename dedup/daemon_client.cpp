// SPDX-License-Identifier: Apache-2.0
#include "dedup/daemon_client.hpp"

#include <fmt/format.h>
#include <poll.h>

#include <cerrno>
#include <chrono>
#include <thread>
#include <utility>
#include <vector>

#include "base/check.hpp"
#include "dedup/daemon_connection.hpp"
#include "dedup/daemon_lock.hpp"
#include "dedup/daemon_question.hpp"
#include "dedup/daemon_start.hpp"

namespace samepage::dedup {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;

// A daemon whose socket was removed makes it anew soon (ListeningSocket::renew()).
constexpr std::chrono::seconds socket_patience{5};

}  // namespace

std::optional<json> ask_daemon(const std::string& socket_path, const json& request) {
  UniqueFd socket = connect_daemon(socket_path);
  if (!socket) return std::nullopt;
  std::optional<DaemonQuestion> question = DaemonQuestion::ask(socket_path, std::move(socket), request);
  if (!question) return std::nullopt;
  while (!question->receive()) {
    pollfd wait{question->fd(), POLLIN, 0};
    const int ready = ::poll(&wait, 1, static_cast<int>(milliseconds(daemon_patience).count()));
    if (ready < 0 && errno != EINTR) throw_errno("poll of the daemon");
    if (ready == 0) throw DaemonHangs(socket_path);
  }
  return question->take();
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
