// SPDX-License-Identifier: Apache-2.0
// When merging has settled, from samples of the host's figures.
#pragma once

#include <cstdint>
#include <optional>

#include "base/json.hpp"

namespace samepage::guests {

/// Settled: nothing has changed for some full scans, and nothing is under way: scans go by while the
/// daemon or an agent has not got to what was granted. Pure.
class Settling {
 public:
  explicit Settling(std::uint64_t quiet_scans) : quiet_scans_(quiet_scans) {}

  /// A sample of the published host figures; true when merging has settled.
  bool add(const nlohmann::json& host);
  /// Pages that were saved at the last sample.
  [[nodiscard]] std::uint64_t merged() const { return last_ ? last_->sharing + last_->zero : 0; }

 private:
  struct State {
    std::uint64_t sharing, zero, unshared;
    bool operator==(const State&) const = default;
  };
  std::uint64_t quiet_scans_;
  std::optional<State> last_;
  std::uint64_t since_ = 0;  // the full scan
};

}  // namespace samepage::guests
