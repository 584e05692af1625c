// SPDX-License-Identifier: Apache-2.0
// Connections to running guests, for all that steers them. Nobody waits for one guest after another: several
// are asked at once, with one deadline for all.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/json.hpp"
#include "base/unique_fd.hpp"
#include "vmm/control/control_message.hpp"
#include "vmm/control/process_handle.hpp"
#include "vmm/control/registry.hpp"

namespace samepage::guests {

/// A connection to one guest, good for one request.
struct GuestConnection {
  std::string name;
  UniqueFd socket;
  pid_t pid = 0;
  vmm::ProcessHandle process;
};

/// Whether connect() failed because the guest is there and takes nobody.
[[nodiscard]] bool does_not_take_callers(const std::system_error& error);

/// Whether a guest `name` lives, hung or not. Does not wait.
[[nodiscard]] bool guest_lives(const vmm::GuestRegistry& registry, const std::string& name);
[[nodiscard]] bool guest_lives(const std::string& name);

/// None when no guest `name` lives. Throws std::system_error when it does not take callers.
[[nodiscard]] std::optional<GuestConnection> find_guest(const std::string& name);

/// What came of asking one of several guests. Neither: it did not answer in time.
struct Asked {
  std::optional<vmm::ControlAnswer> answer;
  bool gone = false;  // it hung up
};
/// Asks all at once, each through its socket (-1: one that takes no callers).
[[nodiscard]] std::vector<Asked> ask_together(std::span<const int> sockets, const nlohmann::json& request,
                                              std::chrono::steady_clock::time_point deadline);

/// Who did it, where `samepage kill` was typed.
inline constexpr const char* killed_by_command = "'samepage kill'";
/// Kills a guest's process. It can't say how it ends, so that is kept here, with `who` did it, for people;
/// where it can't be kept, a line on stderr says so, and the guest is killed all the same.
void kill(const GuestConnection& guest, const std::string& who);

}  // namespace samepage::guests
