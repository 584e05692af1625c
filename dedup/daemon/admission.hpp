// SPDX-License-Identifier: Apache-2.0
// Who may connect and join: how much of what one user or process may have at the daemon. Pure: the server
// counts, these rules say no and tell the person why and the way out. What the operator of the host has
// written down for each user is a Policy, which is asked last.
#pragma once

#include <sys/types.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <exception>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "base/check.hpp"
#include "dedup/daemon/account.hpp"
#include "dedup/daemon/policy/policy.hpp"

namespace samepage::dedup {

struct AdmissionRules {
  /// Users who could do to the daemon whatever they like anyway: they see everything and have no limits of
  /// their own.
  std::set<uid_t> trusted = {0, ::geteuid()};
  /// What each other user may make the daemon hold, in bytes.
  std::uint64_t user_memory = Account::unlimited;
  /// Guests that each other user may have.
  std::ptrdiff_t user_guests = 1024;
  /// Memberships of one process that does not take its former one over: what it mapped stays counted each
  /// time.
  std::ptrdiff_t process_guests = 16;
  /// Connections of one user, whoever it is, that are not a guest's yet.
  std::ptrdiff_t user_pending = 256;
  /// Users with this number can't be told apart, see unmapped_uid(): their guests are refused.
  std::optional<uid_t> unmapped_uid = {};
  /// What the operator has written.
  std::optional<Policy> policy = {};

  [[nodiscard]] bool trusts(uid_t uid) const { return trusted.contains(uid); }
  /// What the policy has for the user; null where that is nothing.
  [[nodiscard]] const PolicyRule* policy_rule(uid_t uid) const {
    return policy ? policy->rule_of(uid, trusts(uid)) : nullptr;
  }
  [[nodiscard]] std::uint64_t memory_of(uid_t uid) const {
    const PolicyRule* const rule = policy_rule(uid);
    if (rule != nullptr && rule->max_held) return *rule->max_held;
    return trusts(uid) ? Account::unlimited : user_memory;
  }
};

/// Why a connection is refused, for the person who made it; empty when it is not.
using Refusal = std::optional<std::string>;

/// The policy keeps a guest out. The guest runs all the same and shares nothing.
class KeptOut : public UserError {
 public:
  using UserError::UserError;
};

/// `pending` are the user's connections that are not a guest's.
[[nodiscard]] Refusal refuse_connection(const AdmissionRules& rules, uid_t uid, std::ptrdiff_t pending);

/// Where users can't be told apart, nobody's guests are let in.
[[nodiscard]] Refusal refuse_user(const AdmissionRules& rules, uid_t uid);

/// RAM that was promised to guests, and how much may be.
struct CommitCharge {
  std::uint64_t bytes = 0;
  std::uint64_t limit = 0;  // 0: no bound
};

/// A guest that wants to join and what there is already.
struct Applicant {
  uid_t uid = 0;
  pid_t pid = 0;
  std::uint32_t pages = 0;
  std::uint32_t host_pages = 0;
  std::ptrdiff_t guests_of_process = 0;
  std::ptrdiff_t guests_of_user = 0;
  CommitCharge charge = {};  // without this guest
  // For the policy.
  std::string_view label = {};
  std::uint64_t pages_of_user = 0;    // of all the user's guests
  std::uint64_t domains_of_user = 0;  // that these are in
  bool in_domain = false;             // one of them is in this one
};
[[nodiscard]] Refusal refuse_guest(const AdmissionRules& rules, const Applicant& applicant);
/// Why the policy keeps the guest out.
[[nodiscard]] Refusal keep_out(const AdmissionRules& rules, const Applicant& applicant);

/// A guest that does not join, and wants its RAM counted.
struct PromiseSeeker {
  uid_t uid = 0;
  std::uint32_t pages = 0;
  std::ptrdiff_t promises_of_user = 0;
  CommitCharge charge = {};  // without this guest
};
[[nodiscard]] Refusal refuse_promise(const AdmissionRules& rules, const PromiseSeeker& promise);

/// Why a guest could not join that nothing above refuses: what the daemon lacks, and the way out.
[[nodiscard]] std::string why_not_joined(const std::exception& error);
/// Why nothing more can be charged to the user's account.
[[nodiscard]] std::string account_is_full(uid_t uid, const Account& account);

}  // namespace samepage::dedup
