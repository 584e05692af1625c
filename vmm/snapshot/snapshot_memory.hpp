// SPDX-License-Identifier: Apache-2.0
// The memory in a snapshot, which may lie in several files: what is in its pages. It is read and not mapped:
// a file that is cut short meanwhile is an error and no signal.
#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <vector>

#include "base/types.hpp"
#include "vmm/snapshot/snapshot_pages.hpp"

namespace samepage::vmm {

class SnapshotMemory {
 public:
  /// `runs` of a guest with `ram` pages, in ascending order, in `files`, of which the first has the number
  /// `first_file`.
  SnapshotMemory(std::vector<SnapshotRun> runs, std::vector<MemoryFile> files, PageCount ram,
                 std::uint32_t first_file = 0)
      : runs_(std::move(runs)), files_(std::move(files)), ram_(ram), first_file_(first_file) {}

  /// Calls `visit` with each run of pages of `range` that are in a file, in order.
  void each_run(const PageRange& range, const std::function<void(const SnapshotRun&)>& visit) const;
  /// Reads the pages of `run`, which is one of this memory's or a part of one. Throws UserError when the file
  /// has been cut short, std::system_error.
  void read(const SnapshotRun& run, std::span<std::byte> to) const;

 private:
  std::vector<SnapshotRun> runs_;
  std::vector<MemoryFile> files_;
  PageCount ram_;
  std::uint32_t first_file_;
};

}  // namespace samepage::vmm
