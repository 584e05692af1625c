// SPDX-License-Identifier: Apache-2.0
// What `samepage stat` shows of the daemon: sums over domains and guests, made JSON. docs/manual.md explains
// each figure. Pure: the server adds what there is.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dedup/daemon/account.hpp"
#include "dedup/daemon/admission.hpp"
#include "dedup/daemon/guest_table.hpp"
#include "dedup/daemon/ledger.hpp"
#include "dedup/daemon/worst_case.hpp"
#include "dedup/shortage.hpp"

namespace samepage::dedup {

struct StoreFigures {
  std::uint64_t inode = 0;
  std::uint64_t allocated_bytes = 0;
};

class HostFigures {
 public:
  void add_domain(const SharingCounts& counts, std::uint64_t metadata_bytes, const StoreFigures& store);
  /// A guest without a connection counts with what it has done, not with what it has.
  void add_guest(const Guest& guest, std::uint64_t staging_bytes);
  void add_breaks_of_gone(std::uint64_t breaks) { sum_.breaks += breaks; }
  /// Of all users: not to be added for one of them.
  void add_past(const GuestTable::Past& past);
  void add_hold(std::uint64_t microseconds);
  void count_full_scans(std::uint64_t full_scans) { full_scans_ = full_scans; }
  /// Errors that the daemon has told of and gone on.
  void count_errors(std::uint64_t errors) { errors_ = errors; }
  /// Frames of the stores that have gone out to paging files.
  void count_frames_out(std::uint64_t frames) { frames_out_ = frames; }
  void count_shortages(std::vector<ShortageFigure> shortages) { shortages_ = std::move(shortages); }
  void count_worst_case(const WorstCases& cases) {
    worst_case_ = cases.of_host();
    uncovered_ = cases.uncovered();
  }
  void count_commit(const CommitCharge& charge) { commit_ = charge; }
  /// What the daemon itself takes.
  void count_daemon(std::uint64_t bytes) { daemon_bytes_ = bytes; }
  /// Guests that wait for a turn, and what can be used at once.
  void count_cpu_turns(std::size_t waiting, std::chrono::nanoseconds credit) {
    cpu_waiting_ = waiting, cpu_credit_ = credit;
  }
  void count_daemon_cpu(std::uint64_t microseconds) { daemon_cpu_us_ = microseconds; }

  [[nodiscard]] std::uint64_t metadata_bytes() const { return metadata_bytes_; }
  [[nodiscard]] nlohmann::json to_json() const;

 private:
  /// How the guests' agents find written pages.
  [[nodiscard]] std::string_view tracker() const;

  SharingCounts counts_;
  std::uint64_t metadata_bytes_ = 0;
  std::uint64_t store_bytes_ = 0;
  std::vector<StoreFigures> stores_;
  wire::Report sum_ = {};
  std::uint64_t staging_bytes_ = 0;
  bool tracks_writes_ = false;   // some agent
  bool tracks_digests_ = false;  // some agent
  std::uint64_t full_scans_ = 0;
  std::uint64_t errors_ = 0;
  std::uint64_t hold_max_us_ = 0;
  CommitCharge commit_;
  WorstCases::Place worst_case_;
  std::uint64_t uncovered_ = 0;
  std::vector<ShortageFigure> shortages_;
  std::uint64_t frames_out_ = 0;
  std::uint64_t daemon_bytes_ = 0;
  std::uint64_t daemon_cpu_us_ = 0;
  std::size_t cpu_waiting_ = 0;
  std::chrono::nanoseconds cpu_credit_{0};
};

/// {"name", "pid", "domain", "shortages"}
[[nodiscard]] nlohmann::json to_json(const Guest& guest, std::chrono::steady_clock::time_point now);
/// What a user has at the daemon, and may have.
struct UserFigures {
  uid_t uid = 0;
  const Account& account;
  std::uint64_t guests = 0;
  std::uint64_t ram_bytes = 0;  // theirs
  std::uint64_t domains = 0;    // that they are in
  std::uint64_t kept_out = 0;   // guests that the policy does not let in
  const PolicyRule* rule = nullptr;
};
/// {"uid", "bytes", "limit_bytes", "refusals", "guests", "guests_limit", ...}; a limit of null: none.
[[nodiscard]] nlohmann::json to_json(const UserFigures& user);

}  // namespace samepage::dedup
