// SPDX-License-Identifier: Apache-2.0
// How a command asks the daemon something: figures, knobs. Agents have their own connection (agent/).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/json.hpp"
#include "base/unique_fd.hpp"

namespace samepage::dedup {

/// Sends {"do": "stat"} or {"do": "tune", KNOB: VALUE...} and returns the daemon's answer: for stat
/// {"pid", "host": {...}, "guests": [{"name", "pid", "domain", ...}]}. Empty when no daemon answers on the
/// socket. Throws UserError when the one that answers is another user's, speaks another version or refuses,
/// DaemonHangs (dedup/daemon_connection.hpp) when it does not answer in time.
std::optional<nlohmann::json> ask_daemon(const std::string& socket_path, const nlohmann::json& request);

/// Makes sure that a daemon answers on `socket_path`: starts a private samepaged, which ends by itself after
/// its last guest, when none does. Returns a connection: while it is open, such a daemon does not end. Throws
/// UserError when it can't, DaemonHangs when there is one that nobody gets through to. `extra_arguments` go
/// to a daemon that is started.
[[nodiscard]] UniqueFd ensure_daemon(const std::string& socket_path,
                                     const std::vector<std::string>& extra_arguments = {});

}  // namespace samepage::dedup
