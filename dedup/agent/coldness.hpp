// SPDX-License-Identifier: Apache-2.0
// Which pages of a guest were quiet longest. Kept for ranges of 64 pages: in which pass one of them was
// written last, and how often it came back soon after it had gone out. A range that came back is left alone
// for longer each time. Pure; the agent's thread.
#pragma once

#include <cstdint>
#include <vector>

#include "base/types.hpp"

namespace samepage::dedup {

class Coldness {
 public:
  static constexpr std::uint32_t range_pages = 64;
  /// Passes that a range is left alone after it came back for the first time; doubled each time, up to
  /// `longest_rest`.
  static constexpr std::uint32_t first_rest = 16;
  static constexpr std::uint32_t longest_rest = 4096;

  /// For pages numbered below `pages`; all were written in pass 0.
  explicit Coldness(std::uint32_t pages);

  /// A pass begins.
  void next_pass() { ++pass_; }
  [[nodiscard]] std::uint32_t pass() const { return pass_; }
  /// A page of the range was seen written in this pass.
  void written(PageIndex page);
  /// A page that was out was used again. More of a range that rests already come back for the same reason,
  /// and count once.
  void came_back(PageIndex page);
  /// Ranges (first page, count; the last may be shorter) that may go out, those that were quiet longest
  /// first. Ranges that were written within the last `least` passes, or that rest, are left out.
  [[nodiscard]] std::vector<PageRange> coldest(std::uint32_t least) const;
  /// All ranges, those that were used last first. Neighbours that were used alike are one.
  [[nodiscard]] std::vector<PageRange> warmest() const;
  /// Times that ranges came back.
  [[nodiscard]] std::uint64_t came_back_count() const { return came_back_; }

 private:
  struct Range {
    std::uint32_t written = 0;      // in this pass
    std::uint32_t rests_since = 0;  // this pass
    std::uint16_t rest = 0;         // passes of its last rest
  };
  // Differences, which hold when the number of passes wraps around.
  [[nodiscard]] std::uint32_t quiet(const Range& range) const { return pass_ - range.written; }
  [[nodiscard]] bool rests(const Range& range) const { return pass_ - range.rests_since < range.rest; }

  std::vector<Range> ranges_;
  std::uint32_t pages_;
  std::uint32_t pass_ = 0;
  std::uint64_t came_back_ = 0;
};

}  // namespace samepage::dedup
