// SPDX-License-Identifier: Apache-2.0
// How commands talk to running guests through their control sockets. Nobody waits for one guest after
// another: several are asked at once, with one deadline for all.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/unique_fd.hpp"
#include "vmm/control/control_message.hpp"
#include "vmm/control/process_handle.hpp"

namespace samepage::cli {

/// How long a guest may take for a whole answer.
inline constexpr std::chrono::seconds answer_patience{10};

/// A connection to one guest, good for one request.
struct GuestConnection {
  std::string name;
  UniqueFd socket;
  pid_t pid = 0;
  vmm::ProcessHandle process;
};

/// Whether a guest `name` lives, hung or not. Does not wait.
bool guest_lives(const std::string& name);

/// None when no guest `name` lives. Throws std::system_error when it does not take callers.
std::optional<GuestConnection> find_guest(const std::string& name);
/// Throws UserError, with how it ended or the names of those that run, when no guest `name` lives, and when
/// it hangs.
GuestConnection connect_guest(const std::string& name);

/// Asks and returns the answer, without "ok". Throws UserError when the guest refuses or does not answer in
/// time.
vmm::ControlAnswer ask_guest(const GuestConnection& guest, const nlohmann::json& request,
                             std::span<const int> fds = {},
                             vmm::Deadline deadline = std::chrono::steady_clock::now() + answer_patience);
vmm::ControlAnswer ask_guest(const std::string& name, const nlohmann::json& request);

/// The same of an answer that came otherwise; none: it did not come.
vmm::ControlAnswer accepted_answer(const GuestConnection& guest, std::optional<vmm::ControlAnswer> answer);

/// What came of asking one of several guests. Neither: it did not answer in time.
struct Asked {
  std::optional<vmm::ControlAnswer> answer;
  bool gone = false;  // it hung up
};
/// Asks all at once, each through its socket (-1: one that takes no callers).
std::vector<Asked> ask_together(std::span<const int> sockets, const nlohmann::json& request,
                                std::chrono::steady_clock::time_point deadline);

/// Asks all live guests and returns their answers in order of their names, without "ok". One that does not
/// answer within 5 s is there with {"name", "pid", "state": "not answering"}. What dead guests left is
/// removed.
std::vector<nlohmann::json> ask_all_guests(const nlohmann::json& request);

}  // namespace samepage::cli
