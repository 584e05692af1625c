// SPDX-License-Identifier: Apache-2.0
// What `samepage demo --fork` prints. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/json.hpp"

namespace samepage::cli {

/// What the guest `serve` answers to a line: "answer N: warm, sum ..., generation HIGH LOW".
struct WarmAnswer {
  bool warm = false;
  std::string sum;
  std::string generation;
};
/// Throws UserError when the line is no such answer.
[[nodiscard]] WarmAnswer warm_answer_of(const std::string& line);

struct DemoClone {
  std::string name;
  WarmAnswer answer;
  std::uint64_t pss_bytes = 0, own_bytes = 0;  // the kernel's figures of its process: Pss and Pss_Anon
};

/// Times in milliseconds.
struct ForkDemoResult {
  double cold_ms = 0;  // until the guest was warm
  double fork_ms = 0;  // until all clones ran
  double held_ms = 0;  // the parent
  WarmAnswer parent;
  std::vector<DemoClone> clones;
  std::int64_t available_bytes = 0;  // what MemAvailable has lost by all of them
  std::uint64_t rollback_pages = 0;
  double rollback_ms = 0;
  bool warm_again = false;  // the clone that was rolled back

  [[nodiscard]] double clone_ms() const { return fork_ms / static_cast<double>(clones.size()); }
  /// Cold starts in the time of a clone.
  [[nodiscard]] double gain() const { return cold_ms / clone_ms(); }
  [[nodiscard]] std::uint64_t pss_bytes() const;  // of a clone, the mean
  /// What is not as it has to be, for people; empty: nothing.
  [[nodiscard]] std::string problem() const;

  [[nodiscard]] std::string times() const;
  [[nodiscard]] std::string table() const;
  [[nodiscard]] std::string last_lines() const;
  [[nodiscard]] nlohmann::json to_json() const;
};

}  // namespace samepage::cli
