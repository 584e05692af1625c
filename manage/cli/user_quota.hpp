// SPDX-License-Identifier: Apache-2.0
// What a user has at the daemon and what the policy of its host allows, as `samepage stat` shows it. Pure.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace samepage::cli {

/// Whether there is anything to show of one of the daemon's `users`.
[[nodiscard]] bool has_quota(const nlohmann::json& user);
/// "2 of 4 guests, 1.0 GiB of 8.0 GiB of RAM, ...".
[[nodiscard]] std::string quota_text(const nlohmann::json& user);

}  // namespace samepage::cli
