// SPDX-License-Identifier: Apache-2.0
// The one place where a private samepaged is started: one that ends by itself after its last guest. It may be
// called in a process with threads and guest memory: nothing is forked, the child is made by posix_spawn.
#pragma once

#include <string>
#include <vector>

namespace samepage::dedup {

/// Starts a daemon and waits until it listens. Returns what went wrong, or nothing. Callers take turns, so
/// that one daemon is started: look first whether it is there by now. `extra` are further arguments.
std::string start_daemon(const std::string& socket_path, const std::vector<std::string>& extra);

/// The program and the arguments of such a daemon: a path, so that who has no PATH can start it.
std::vector<std::string> daemon_command(const std::string& socket_path);

/// Starts one and waits for nothing: it will be there a moment later, or not. Does nothing when somebody else
/// is starting one, or one lives.
void start_daemon_in_passing(const std::string& socket_path);

}  // namespace samepage::dedup
