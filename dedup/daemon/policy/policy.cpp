// SPDX-License-Identifier: Apache-2.0
#include "dedup/daemon/policy/policy.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/units.hpp"
#include "dedup/daemon/policy/label_pattern.hpp"

namespace samepage::dedup {
namespace {

bool allows_label(const PolicyRule& rule, std::string_view label) {
  return rule.domains.empty() || std::any_of(rule.domains.begin(), rule.domains.end(),
                                             [&](const std::string& each) { return fits(each, label); });
}

bool is_above(std::uint64_t had, std::uint64_t more, const std::optional<std::uint64_t>& most) {
  return most && more > *most - std::min(*most, had);
}

// What the user may instead and what to do: the second half of a sentence. Empty when nothing is in the way.
std::string what_is_allowed(const PolicyRule& rule, const PolicyApplicant& applicant) {
  if (rule.max_guests == 0) return "have no guests here (max-guests=0); ask its operator";
  if (!allows_label(rule, applicant.label)) {
    return fmt::format("join domains={} and not '{}'; name one of these with --domain, or ask its operator",
                       fmt::join(rule.domains, ","), applicant.label);
  }
  if (is_above(applicant.guests_of_user, 1, rule.max_guests)) {
    return fmt::format("have max-guests={} at a time; end one, or ask its operator", *rule.max_guests);
  }
  if (is_above(applicant.ram_of_user, applicant.ram, rule.max_ram)) {
    return fmt::format(
        "have guests of {} of RAM in all (max-ram), of which {} are in use, and this one wants {}; end some, "
        "give it less with --mem, or ask its operator",
        format_size(*rule.max_ram), format_size(applicant.ram_of_user), format_size(applicant.ram));
  }
  if (!applicant.in_domain && is_above(applicant.domains_of_user, 1, rule.max_domains)) {
    return fmt::format(
        "have max-domains={} at a time; name one that your guests are in with --domain, or ask its operator",
        *rule.max_domains);
  }
  return {};
}

}  // namespace

const PolicyRule* Policy::rule_of(uid_t uid, bool trusted) const {
  const auto named = users.find(uid);
  if (named != users.end()) return &named->second;
  return others && !trusted ? &*others : nullptr;
}

std::optional<std::string> Policy::refusal_of(const PolicyApplicant& applicant) const {
  const PolicyRule* const rule = rule_of(applicant.uid, applicant.trusted);
  if (rule == nullptr) {
    if (applicant.trusted) return std::nullopt;
    return fmt::format("the policy of this host ({}) has no rule for user {}; ask its operator for one", path,
                       applicant.uid);
  }
  const std::string allowed = what_is_allowed(*rule, applicant);
  if (allowed.empty()) return std::nullopt;
  const std::string user = rule->user == "*" ? std::to_string(applicant.uid) : rule->user;
  return fmt::format("the policy of this host ({}, line {}) lets user {} {}", path, rule->line, user,
                     allowed);
}

}  // namespace samepage::dedup
