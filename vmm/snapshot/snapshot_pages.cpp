// SPDX-License-Identifier: Apache-2.0
#include "vmm/snapshot/snapshot_pages.hpp"

#include <limits>

namespace samepage::vmm {
namespace {

constexpr std::uint32_t first_gap = 16;  // pages
constexpr std::size_t most_runs = 1024;

}  // namespace

std::vector<SnapshotRun> joined(std::span<const SnapshotRun> data, std::uint32_t window, std::uint32_t file) {
  std::vector<SnapshotRun> runs;
  const auto is_newest = [&](const SnapshotRun& run) { return run.window == window && run.file == file; };
  for (std::uint64_t gap = first_gap; gap <= std::numeric_limits<std::uint32_t>::max(); gap *= 2) {
    runs.clear();
    for (const SnapshotRun& run : data) {
      const bool joins = !runs.empty() && is_newest(run) && is_newest(runs.back()) &&
                         run.pages.first - runs.back().pages.end() <= gap;
      if (joins) {
        runs.back().pages.count = run.pages.end() - runs.back().pages.first;
      } else {
        runs.push_back(run);
      }
    }
    if (runs.size() <= most_runs) break;
  }
  return runs;
}

}  // namespace samepage::vmm
