// SPDX-License-Identifier: Apache-2.0
// The demo's check of what merging found: all memory of paused guests, compared byte by byte.
#pragma once

#include <string>
#include <vector>

#include "manage/cli/duplicates.hpp"

namespace samepage::cli {

/// Counts the duplicates among all pages that the guests have ever written. They must be paused.
DuplicateCount count_in_guests(const std::vector<std::string>& guests);

}  // namespace samepage::cli
