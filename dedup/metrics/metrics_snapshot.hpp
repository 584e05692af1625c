// SPDX-License-Identifier: Apache-2.0
// The figures of one moment that metrics are made from. The daemon's thread fills it in; another one makes
// text of it. Values alone.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/json.hpp"
#include "dedup/protocol.hpp"
#include "dedup/shortage.hpp"

namespace samepage::dedup {

struct MetricsSnapshot {
  /// Guests and domains that are told of each; what is more is counted, so that no peer makes the text
  /// endless.
  static constexpr std::size_t most_guests = 4096;
  static constexpr std::size_t most_domains = 1024;

  struct Domain {
    uid_t uid = 0;
    std::string label;  // without the uid
    std::uint64_t guests = 0;
    std::uint64_t pages_shared = 0, pages_sharing = 0, pages_unshared = 0, pages_pending = 0, frame_dups = 0;
    std::uint64_t store_bytes = 0, metadata_bytes = 0, worst_case_bytes = 0;
  };
  struct Guest {
    uid_t uid = 0;
    std::string domain;  // its label
    std::string name;
    bool connected = false;
    std::uint32_t pages = 0;
    wire::Report report;  // the last one
    std::vector<ShortageFigure> shortages = {};
  };
  struct User {
    uid_t uid = 0;
    std::uint64_t bytes = 0;
    std::optional<std::uint64_t> limit;
    std::uint64_t refusals = 0;
  };
  /// The daemon's process, as the kernel sees it.
  struct Process {
    std::uint64_t cpu_us = 0;
    std::uint64_t resident_bytes = 0;
    std::uint64_t started_us = 0;  // since 1970
    std::string version;
  };

  nlohmann::json host = nlohmann::json::object();  // by the keys of host_figures()
  std::vector<ShortageFigure> shortages;           // of the daemon
  std::vector<Domain> domains;
  std::vector<Guest> guests;
  std::vector<User> users;
  std::uint64_t guests_in_all = 0, domains_in_all = 0;
  Process process;
};

}  // namespace samepage::dedup
