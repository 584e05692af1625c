// SPDX-License-Identifier: Apache-2.0
// Which ranges of a guest's memory are written all the time. Looking at one costs twice: the scan, and a
// fault of the guest for each page that it writes once more after it was protected; and what is found there
// is never quiet. Such a range is left alone for longer and longer. Pure; the agent's thread calls it.
#pragma once

#include <cstdint>
#include <vector>

namespace samepage::dedup {

class Heat {
 public:
  static constexpr std::uint32_t range_pages = 512;
  /// A look that finds as many pages of a range written is a hot one.
  static constexpr std::uint32_t hot_pages = 64;
  /// Hot looks in a row that a range is forgiven: a guest that has just filled it will leave it alone.
  static constexpr unsigned forgiven = 3;
  /// Passes that a range is left out at most.
  static constexpr unsigned longest_rest = 31;

  /// For pages numbered below `pages`.
  explicit Heat(std::uint32_t pages) : ranges_(pages / range_pages + 1) {}

  static constexpr std::uint32_t range_of(std::uint32_t page) { return page / range_pages; }
  /// Whether the range is to be looked at in this pass. Asked once a pass, because asking counts.
  [[nodiscard]] bool due(std::uint32_t range);
  /// No range rests any more: somebody knows that the guest has gone quiet.
  void end_rests();
  /// The range was looked at and `written` pages of it had been written.
  void looked(std::uint32_t range, std::uint32_t written);

 private:
  struct Range {
    std::uint8_t hot_looks = 0;  // in a row
    std::uint8_t rest = 0;       // passes to leave out
  };
  std::vector<Range> ranges_;
};

}  // namespace samepage::dedup
