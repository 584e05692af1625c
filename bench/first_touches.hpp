// SPDX-License-Identifier: Apache-2.0
// How long the first touch of a page takes that is not in memory: of a guest's memory, and of a plain mapping
// of a file on the same disk, in turns.
#pragma once

#include <cstddef>
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <vector>

#include "base/mapping.hpp"
#include "bench/gate.hpp"

namespace samepage::bench {

class FirstTouches {
 public:
  /// The plain file is in `folder`, has no name, and holds what `memory` does now. Both outlive this. Throws
  /// UserError when the disk has no room for it.
  FirstTouches(Gate& gate, std::span<std::byte> memory, const std::string& folder);

  /// {"from": "disk" or "cache", "kind": "read" or "write", "rounds": N}: in each round both are brought to
  /// where they are to come from, and some pages of each are touched that were not before. The answer has the
  /// times of those touches that waited for a disk, or for none: {"out_ns": [...], "plain_ns": [...]}.
  nlohmann::json time(const nlohmann::json& request);

 private:
  [[nodiscard]] std::byte* next(std::span<std::byte> of);

  Gate& gate_;
  std::span<std::byte> memory_;
  Mapping plain_;
  std::vector<std::uint32_t> order_;  // of pages, for both
  std::size_t touched_ = 0;
};

}  // namespace samepage::bench
