// SPDX-License-Identifier: Apache-2.0
// Who may join which domains of the daemon, and how much each user may have there, as the operator of the
// host has written it (policy_text.hpp). Pure: the server counts, the policy says no and why.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace samepage::dedup {

/// What one user may. What is not there has no bound.
struct PolicyRule {
  std::string user;  // as the file names it
  unsigned line = 0;
  std::vector<std::string> domains = {};  // patterns of labels; empty: any
  std::optional<std::uint64_t> max_domains = {};
  std::optional<std::uint64_t> max_guests = {};
  std::optional<std::uint64_t> max_ram = {};   // bytes, of all guests of the user together
  std::optional<std::uint64_t> max_held = {};  // bytes that the daemon holds for the user
};

/// A guest that wants to join, and what its user has at the daemon already.
struct PolicyApplicant {
  uid_t uid = 0;
  bool trusted = false;
  std::string_view label;
  std::uint64_t ram = 0;  // bytes
  std::uint64_t guests_of_user = 0;
  std::uint64_t ram_of_user = 0;
  std::uint64_t domains_of_user = 0;
  bool in_domain = false;  // the user has a guest in this domain
};

struct Policy {
  std::string path;  // of the file, for people
  std::map<uid_t, PolicyRule> users = {};
  std::optional<PolicyRule> others = {};

  /// The rule that names the user, else the one for all others. That one is not for `trusted` users: they
  /// could do to the daemon what they like anyway. Null: none.
  [[nodiscard]] const PolicyRule* rule_of(uid_t uid, bool trusted) const;
  /// Why the guest may not join; empty when it may.
  [[nodiscard]] std::optional<std::string> refusal_of(const PolicyApplicant& applicant) const;
};

}  // namespace samepage::dedup
