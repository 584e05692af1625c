// SPDX-License-Identifier: Apache-2.0
// Tells quiet pages from changing ones the way ksmd does: every page is hashed in every pass, and one whose
// hash is the same as in the last pass was quiet meanwhile. Works on every kernel. 4 bytes a page. One
// thread.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/mapping.hpp"
#include "dedup/digest.hpp"

namespace samepage::dedup {

class RehashTracker {
 public:
  static constexpr std::string_view name = "rehash";

  explicit RehashTracker(std::uint32_t pages) : seen_(Mapping::anonymous(pages * sizeof(std::uint32_t))) {}

  /// Notes a page's digest of this pass. True when it is that of the last pass too.
  bool quiet(std::uint32_t page, Digest digest) {
    std::uint32_t& seen = last(page);
    const auto now = static_cast<std::uint32_t>(digest.value) | 1U;  // 0 is: not seen
    const bool same = seen == now;
    seen = now;
    return same;
  }

  /// The page is another one now: what was seen of it says nothing.
  void forget(std::uint32_t page) { last(page) = 0; }

  [[nodiscard]] std::uint64_t memory_bytes() const { return seen_.size(); }

 private:
  // SAFETY: the mapping holds one number for each page and nothing else.
  std::uint32_t& last(std::uint32_t page) { return reinterpret_cast<std::uint32_t*>(seen_.data())[page]; }

  Mapping seen_;
};

}  // namespace samepage::dedup
