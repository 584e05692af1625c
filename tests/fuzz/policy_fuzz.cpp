// SPDX-License-Identifier: Apache-2.0
// A policy's text as a slip of the hand, an editor or a full disk leaves it: any bytes, and a good policy
// with pieces taken out, doubled and put in. It is taken whole or not at all: what is taken bounds whom it
// names by what is written, and all else is told with the line.
#include <fnmatch.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/check.hpp"
#include "dedup/daemon/policy/label_pattern.hpp"
#include "dedup/daemon/policy/policy_text.hpp"

namespace samepage::dedup {
namespace {

constexpr std::string_view good =
    "# the lab\n"
    "alice  domains=lab-*,web max-domains=3 max-guests=16 max-ram=32G max-held=512M\n"
    "1500   domains=? max-guests=0   # has left\n"
    "*      max-guests=4 max-ram=4G\n";

constexpr std::array<std::string_view, 20> pieces{
    "\n",   "\r\n", "#", " ",     "\t",   "=",        ",",        "*",           "?",
    "[a]",  "-",    "0", "alice", "1500", "domains=", "max-ram=", "max-guests=", "99999999999999999999",
    "\xff", "16E"};

std::optional<uid_t> number_of(const std::string& name) {
  return name == "alice" ? std::optional<uid_t>(1001) : std::nullopt;
}

void check_rule(const PolicyRule& rule, unsigned lines) {
  invariant(rule.line >= 1 && rule.line <= lines, "a rule of no line");
  invariant(!rule.user.empty(), "a rule of nobody");
  for (const std::string& label : rule.domains) invariant(is_label_pattern(label), "no label's pattern");
  invariant(rule.max_guests.value_or(0) <= 1U << 20U && rule.max_domains.value_or(0) <= 1U << 20U,
            "more than may be written");
}

// One guest more than the rule has room for does not join, whatever else there is.
void check_refusals(const Policy& policy, uid_t uid) {
  const PolicyRule* const rule = policy.rule_of(uid, false);
  PolicyApplicant guest{.uid = uid, .label = "lab-1", .ram = 4096, .in_domain = true};
  if (rule == nullptr) return invariant(policy.refusal_of(guest).has_value(), "a user without a rule joins");
  if (rule->max_guests) {
    guest.guests_of_user = *rule->max_guests;
    invariant(policy.refusal_of(guest).has_value(), "one guest too many joins");
    guest.guests_of_user = 0;
  }
  if (rule->max_ram) {
    guest.ram_of_user = *rule->max_ram;
    invariant(policy.refusal_of(guest).has_value(), "more memory than is allowed joins");
  }
}

void try_it(std::string_view text) {
  const ParsedPolicy parsed = parse_policy(text, "/etc/policy", number_of);
  const auto lines = static_cast<unsigned>(std::count(text.begin(), text.end(), '\n') + 1);
  for (const PolicyProblem& problem : parsed.problems) {
    invariant(problem.line <= lines && !problem.text.empty(), "a problem of no line, or without words");
  }
  if (!parsed.problems.empty()) return;
  const Policy& policy = parsed.policy;
  invariant(!policy.users.empty() || policy.others, "a policy without a rule is taken");
  for (const auto& [uid, rule] : policy.users) check_rule(rule, lines);
  if (policy.others) check_rule(*policy.others, lines);
  for (const uid_t uid : {0U, 1001U, 1500U, 7U}) check_refusals(policy, uid);
}

// The C library's matcher as the oracle, with few stars: it takes long with many.
void compare_matchers(std::string pattern, std::string label) {
  const auto tame = [](std::string& text, std::string_view alphabet) {
    for (char& c : text) c = alphabet[static_cast<unsigned char>(c) % alphabet.size()];
  };
  tame(pattern, "ab*?ab");
  tame(label, "ab");
  if (std::count(pattern.begin(), pattern.end(), '*') > 5) return;
  invariant(fits(pattern, label) == (::fnmatch(pattern.c_str(), label.c_str(), 0) == 0),
            "the pattern fits otherwise");
}

}  // namespace
}  // namespace samepage::dedup

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace samepage::dedup;  // NOLINT(google-build-using-namespace): libFuzzer's own name is global
  // SAFETY: bytes are bytes.
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  try_it(input);
  compare_matchers(std::string(input.substr(0, size % 17)), std::string(input.substr(size % 17, size % 13)));
  std::string text(good);
  for (std::size_t i = 0; i + 4 <= size && i < 32; i += 4) {
    const std::size_t at = (data[i] * 256U + data[i + 1]) % text.size();
    const std::size_t length = data[i + 2] % 40U;
    switch (data[i + 3] % 3U) {
      case 0:
        text.erase(at, length);
        break;
      case 1:
        text.insert(at, text.substr(at, length));
        break;
      default:
        text.insert(at, pieces.at(length % pieces.size()));
    }
    if (text.empty()) break;
    try_it(text);
  }
  return 0;
}
