// SPDX-License-Identifier: Apache-2.0
// What the demo prints. Pure.
#pragma once

#include <cstdint>
#include <string>

#include "base/json.hpp"
#include "manage/cli/duplicates.hpp"
#include "manage/guests/snapshot.hpp"

namespace samepage::cli {

/// One moment of the demo: what we count beside what the kernel says, every byte once.
std::string memory_report(const std::string& title, const guests::Snapshot& snapshot);

/// The demo's result.
struct DemoResult {
  std::uint64_t ram_bytes = 0;
  guests::Snapshot before;  // all guests ready, nothing merged
  guests::Snapshot merged;  // merging has settled
  DuplicateCount duplicates;

  /// Pages that merging saved, in percent of all that a byte comparison finds; 100 when there are none.
  [[nodiscard]] double found_percent() const;
  [[nodiscard]] std::string last_line() const;
  [[nodiscard]] nlohmann::json to_json() const;
};

}  // namespace samepage::cli
