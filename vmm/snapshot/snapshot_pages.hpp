// SPDX-License-Identifier: Apache-2.0
// Where the pages of a guest's RAM are: in which file, and where in it. Plain values.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/types.hpp"

namespace samepage::vmm {

/// Files that a guest's memory can be in, beside the snapshot's own: so many descriptors go to a guest's
/// process in one message, with two of another kind.
inline constexpr std::size_t most_other_files = 14;
/// Windows of one file, fewer than that: no offset in a file is too large for a number.
inline constexpr std::uint32_t most_windows = 0xffff;

/// A file with memory, which has windows: a place for every page of RAM in each. The caller's.
struct MemoryFile {
  int fd = -1;               // none: no page is in it
  std::uint64_t offset = 0;  // of its first window
};

/// Pages that are in one window of a file: page i at i pages from the window's start. Which file it is says
/// its place in a list that goes with the runs.
struct SnapshotRun {
  PageRange pages;
  std::uint32_t window = 0;
  std::uint32_t file = 0;

  friend bool operator==(const SnapshotRun&, const SnapshotRun&) = default;
};

/// Where a page is, from the start of the file's first window, in a file of a guest with `ram` pages.
constexpr std::uint64_t offset_in_windows(PageIndex page, std::uint32_t window, PageCount ram) {
  return PageCount{window * ram.value + page.value}.bytes();
}

/// Where a run's first page is in its file.
constexpr std::uint64_t offset_of(const SnapshotRun& run, const MemoryFile& file, PageCount ram) {
  return file.offset + offset_in_windows(run.pages.first, run.window, ram);
}

/// The runs of `data` (in ascending order) as they are to be mapped: those of `window` of `file` are joined
/// where what lies between is short, and more so when there would be too many, because a mapping costs more
/// than a hole. In other windows there may be something in between. Pure.
[[nodiscard]] std::vector<SnapshotRun> joined(std::span<const SnapshotRun> data, std::uint32_t window,
                                              std::uint32_t file = 0);

}  // namespace samepage::vmm
