// SPDX-License-Identifier: Apache-2.0
// Where the pages of a guest's RAM are in a file of its memory. Plain values.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/types.hpp"

namespace samepage::vmm {

/// Pages that are in one window of the file: page i at i pages from the window's start.
struct SnapshotRun {
  PageRange pages;
  std::uint32_t window = 0;

  friend bool operator==(const SnapshotRun&, const SnapshotRun&) = default;
};

/// Where a page is, from the start of the file's first window, in a file of a guest with `ram` pages.
constexpr std::uint64_t offset_in_windows(PageIndex page, std::uint32_t window, PageCount ram) {
  return PageCount{window * ram.value + page.value}.bytes();
}

/// The runs of `data` (in ascending order) as they are to be mapped: those of `window` are joined where what
/// lies between is short, and more so when there would be too many, because a mapping costs more than a hole.
/// In other windows there may be something in between. Pure.
[[nodiscard]] std::vector<SnapshotRun> joined(std::span<const SnapshotRun> data, std::uint32_t window);

}  // namespace samepage::vmm
