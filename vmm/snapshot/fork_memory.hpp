// SPDX-License-Identifier: Apache-2.0
// The memory that a guest's clones go on from: a file in memory with a window for each fork. A fork copies
// what is not unchanged in an earlier window, or in a file that the guest itself goes on from. So a clone's
// first fork costs what it wrote, and the second one of a quiet guest next to nothing. The guest's own pages
// are mapped from there too.
//
// Nobody but this guest can write the file. A window never changes once its fork is done. One thread at a
// time.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/types.hpp"
#include "base/unique_fd.hpp"
#include "dedup/agent/memory_region.hpp"
#include "dedup/agent/page_map.hpp"
#include "vmm/snapshot/snapshot_pages.hpp"

namespace samepage::vmm {

class ForkMemory {
 public:
  /// The number of its file in runs. Those that the guest goes on from follow.
  static constexpr std::uint32_t file = 1;

  /// Begins a fork: there is a new window. Another file where the one that there is has become more garbage
  /// than data, or the guest too many pieces. Returns the pages that are unchanged in an earlier window or in
  /// one of `inherited`, by what the kernel has mapped; `map` tells which were not written since. Throws
  /// std::system_error.
  std::vector<SnapshotRun> begin(std::span<const dedup::MemoryRegion> regions,
                                 std::span<const dedup::PageMapRun> map,
                                 std::span<const MemoryFile> inherited = {});
  /// A fork has ended with these pages, of which so many were copied.
  void done(std::span<const SnapshotRun> runs, std::uint64_t copied);
  /// It has failed: the window is used again.
  void failed();

  [[nodiscard]] int fd() const { return file_.get(); }
  [[nodiscard]] std::uint32_t window() const { return windows_ - 1; }
  /// A descriptor that can only be read, for clones.
  [[nodiscard]] UniqueFd for_clones() const;

 private:
  void begin_file();

  UniqueFd file_;
  PageCount ram_;
  std::uint32_t windows_ = 0;
  std::uint64_t copied_ = 0;  // pages in all windows
  std::uint64_t live_ = 0;    // of which the last fork had so many
};

}  // namespace samepage::vmm
