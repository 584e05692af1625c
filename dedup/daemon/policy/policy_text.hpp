// SPDX-License-Identifier: Apache-2.0
// The text of a policy: a line a user, what follows '#' is for people.
//
//   # who    what they may
//   alice    domains=lab-*,web max-domains=3 max-guests=16 max-ram=32G
//   1001     max-guests=4 max-ram=4G max-held=1G
//   *        max-guests=0
//
// Pure. The manual explains each setting.
#pragma once

#include <sys/types.h>

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dedup/daemon/policy/policy.hpp"

namespace samepage::dedup {

struct PolicyProblem {
  unsigned line = 0;  // 0: of the file as a whole
  std::string text;   // what is wrong, and what to write
};

/// To be used only where there is no problem.
struct ParsedPolicy {
  Policy policy;
  std::vector<PolicyProblem> problems = {};
};

/// The number of the user of that name; empty when there is none.
using UserNumber = std::function<std::optional<uid_t>(const std::string& name)>;

/// All of it is read, whatever is wrong with a line.
[[nodiscard]] ParsedPolicy parse_policy(std::string_view text, std::string path, const UserNumber& number_of);

}  // namespace samepage::dedup
