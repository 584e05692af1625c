// SPDX-License-Identifier: Apache-2.0
// How commands talk to running guests through their control sockets.
#pragma once

#include <sys/types.h>

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/unique_fd.hpp"
#include "vmm/control/control_message.hpp"
#include "vmm/control/process_handle.hpp"

namespace samepage::cli {

/// A connection to one guest, good for one request.
struct GuestConnection {
  std::string name;
  UniqueFd socket;
  pid_t pid = 0;
  vmm::ProcessHandle process;
};

/// None when no guest `name` lives.
std::optional<GuestConnection> find_guest(const std::string& name);
/// Throws UserError, with how it ended or the names of those that run, when no guest `name` lives.
GuestConnection connect_guest(const std::string& name);

/// The answer that a guest gave, without "ok". Throws UserError when it refuses, or when there is none.
vmm::ControlAnswer accepted_answer(const GuestConnection& guest, std::optional<vmm::ControlAnswer> answer);

/// Asks and returns the answer. Throws UserError when the guest refuses or does not answer.
vmm::ControlAnswer ask_guest(const GuestConnection& guest, const nlohmann::json& request,
                             std::span<const int> fds = {});
vmm::ControlAnswer ask_guest(const std::string& name, const nlohmann::json& request);

/// Asks all live guests and returns the answers of those that answer, in order of their names, without "ok".
/// Those that do not answer are named on stderr. What dead guests left is removed.
std::vector<nlohmann::json> ask_all_guests(const nlohmann::json& request);

}  // namespace samepage::cli
