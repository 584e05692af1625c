// SPDX-License-Identifier: Apache-2.0
// How commands talk to running guests through their control sockets. Nobody waits for one guest after
// another: several are asked at once, with one deadline for all.
#pragma once

#include <chrono>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/json.hpp"
#include "manage/guests/guest_connection.hpp"
#include "manage/guests/sampler.hpp"
#include "manage/guests/snapshot.hpp"
#include "vmm/control/control_message.hpp"

namespace samepage::cli {

/// How long a guest may take for a whole answer.
inline constexpr std::chrono::seconds answer_patience{10};

using guests::ask_together;
using guests::Asked;
using guests::find_guest;
using guests::guest_lives;
using guests::GuestConnection;
using guests::number;
using guests::Snapshot;
using guests::take_snapshot;

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

/// Asks all live guests and returns their answers in order of their names, without "ok". One that does not
/// answer within 5 s is there with {"name", "pid", "state": "not answering"}. What dead guests left is
/// removed.
std::vector<nlohmann::json> ask_all_guests(const nlohmann::json& request);

}  // namespace samepage::cli
