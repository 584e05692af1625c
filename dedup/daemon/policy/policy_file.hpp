// SPDX-License-Identifier: Apache-2.0
// Reads a policy from its file. Who can write the file decides who is let in, so one that others can write or
// replace is not read.
#pragma once

#include <string>

#include "dedup/daemon/policy/policy.hpp"

namespace samepage::dedup {

/// Throws UserError that names each line that is wrong, and what to do.
[[nodiscard]] Policy read_policy(const std::string& path);

}  // namespace samepage::dedup
