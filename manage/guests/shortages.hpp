// SPDX-License-Identifier: Apache-2.0
// What the daemon or a guest's agent is short of, for people: from the list `shortages` of an answer to
// `stat` (dedup/shortage_json.hpp).
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

namespace samepage::guests {

struct ShortageText {
  std::string what;  // "mappings"
  std::string how;   // "since 12s, 340 pages wait"

  /// "mappings (since 12s, 340 pages wait)"
  [[nodiscard]] std::string whole() const { return what + " (" + how + ")"; }
};

/// Empty where nothing is short. What is not understood is left out: guests say what they like.
[[nodiscard]] std::vector<ShortageText> shortage_texts(const nlohmann::json& figures);
/// All in one line, with commas between.
[[nodiscard]] std::string shortage_line(const nlohmann::json& figures);

}  // namespace samepage::guests
