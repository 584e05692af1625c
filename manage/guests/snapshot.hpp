// SPDX-License-Identifier: Apache-2.0
// All figures of one moment: the daemon's, each guest's, and what the kernel says of all of them together.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "base/json.hpp"
#include "manage/guests/figures.hpp"

namespace samepage::guests {

enum class DaemonState : std::uint8_t { answers, absent, hangs };

/// `host` and `guests` have the keys that docs/manual.md documents for `samepage stat --json`.
struct Snapshot {
  DaemonState daemon = DaemonState::absent;
  std::string problem;  // of a daemon that hangs, for people
  /// {"pid", "metrics": [...], "log", "users": [...]}; null without a daemon.
  nlohmann::json about_daemon;
  std::chrono::system_clock::time_point taken{};
  nlohmann::json host;
  std::vector<nlohmann::json> guests;
  nlohmann::json
      raw_host;  // the daemon's own answer with what is not published; empty object without a daemon

  [[nodiscard]] nlohmann::json to_json() const;
};

/// The published host figures, from the daemon's (an empty object when there is none) and the guests'. Pure.
/// kernel_bytes counts every byte once: Pss_Anon of the guests' processes and of the daemon, allocated blocks
/// of the frame stores, of the staging areas and of the files in memory that forks go on from. A store whose
/// daemon is lost costs what no guest maps of it.
nlohmann::json host_figures(const nlohmann::json& daemon_host, const std::vector<nlohmann::json>& guests);

}  // namespace samepage::guests
