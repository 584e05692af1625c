// SPDX-License-Identifier: Apache-2.0
// The guests of a daemon: each from its HELLO until its process is gone. Its agent may lose the connection
// and come back in between, so a guest is named by the number of its membership. Pure: sessions are only
// compared.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/framing.hpp"
#include "dedup/daemon/peer_process.hpp"
#include "dedup/daemon/sighting.hpp"
#include "dedup/protocol.hpp"
#include "dedup/shortage.hpp"

namespace samepage::dedup {

class Session;

struct Guest {
  std::uint64_t membership = 0;
  std::string name;
  PeerCredentials peer;
  ProcessKey process;
  std::uint32_t pages = 0;
  std::string domain;                                      // its label
  PageId first;                                            // of its pages, in the domain
  Session* session = nullptr;                              // null while there is no connection
  wire::Report report = {};                                // the last one
  std::chrono::steady_clock::time_point reported_at = {};  // when it came
  bool passed = false;                                     // since the last full scan

  /// What its agent lacks, if it is as it was when it last reported.
  [[nodiscard]] std::vector<ShortageFigure> shortages(std::chrono::steady_clock::time_point now) const;
};

class GuestTable {
 public:
  /// The guest stays where it is until it is removed.
  Guest& add(Guest guest);
  void remove(std::uint64_t membership);

  // Null when there is no such guest.
  [[nodiscard]] Guest* find(std::uint64_t membership);
  [[nodiscard]] const Guest* find(std::uint64_t membership) const;
  [[nodiscard]] Guest* of_session(const Session& session);
  [[nodiscard]] Guest* at(std::string_view domain, PageId first);
  /// The guest whose former membership this is: the same process names a number that nobody else can know of,
  /// and is what it was.
  [[nodiscard]] Guest* former(const wire::Hello& hello, const ProcessKey& process, std::string_view domain);

  [[nodiscard]] std::ptrdiff_t of_process(const ProcessKey& process) const;
  /// What all guests of one user have together.
  struct UserTotals {
    std::uint64_t guests = 0;
    std::uint64_t pages = 0;
    std::set<std::string_view> domains = {};  // their labels, with the user; valid while the guests are there
  };
  [[nodiscard]] UserTotals totals_of(uid_t uid) const;
  [[nodiscard]] bool empty() const { return guests_.empty(); }
  /// By membership.
  [[nodiscard]] const std::map<std::uint64_t, Guest>& all() const { return guests_; }

  /// Takes what the guest's agent says of itself after a pass. True when all guests that are connected have
  /// made a pass since this was true before: a full scan has ended.
  [[nodiscard]] bool report(Guest& guest, const wire::Report& report);

  /// Breaks of guests that are gone, by user.
  [[nodiscard]] const std::map<uid_t, std::uint64_t>& breaks_of_gone() const { return breaks_of_gone_; }
  /// What guests that are gone have cost, of all users.
  struct Past {
    HoldTimes hold_times;
    std::uint64_t merge_cpu_us = 0;
    std::uint64_t paged_out = 0, came_back = 0;
  };
  [[nodiscard]] const Past& past() const { return past_; }
  /// The longest hold that a guest ever reported, gone or not, by user.
  [[nodiscard]] const std::map<uid_t, std::uint64_t>& hold_max_us() const { return hold_max_us_; }

 private:
  std::map<std::uint64_t, Guest> guests_;
  std::map<uid_t, std::uint64_t> breaks_of_gone_;
  std::map<uid_t, std::uint64_t> hold_max_us_;
  Past past_;
};

}  // namespace samepage::dedup
