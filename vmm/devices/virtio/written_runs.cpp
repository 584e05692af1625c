// SPDX-License-Identifier: Apache-2.0
#include "vmm/devices/virtio/written_runs.hpp"

#include <algorithm>

namespace samepage::vmm {
namespace {

// What goes on where the last one ends, in the device and in the file, is one with it.
void append(std::vector<WrittenRun>& runs, const WrittenRun& run) {
  if (run.count == 0) return;
  if (!runs.empty()) {
    WrittenRun& last = runs.back();
    if (last.end() == run.first && last.file == run.file && last.at + last.count == run.at) {
      last.count += run.count;
      return;
    }
  }
  runs.push_back(run);
}

}  // namespace

std::vector<WrittenRun> laid_over(std::span<const WrittenRun> under, std::span<const WrittenRun> over) {
  std::vector<WrittenRun> runs;
  auto upper = over.begin();
  for (WrittenRun run : under) {
    for (; upper != over.end() && upper->first < run.end(); ++upper) {
      if (upper->end() <= run.first) {
        append(runs, *upper);
        continue;
      }
      // What sticks out below it stays, what it covers goes.
      if (run.first < upper->first) append(runs, {run.first, upper->first - run.first, run.file, run.at});
      const std::uint64_t covered = std::min(run.end(), upper->end()) - run.first;
      run = {run.first + covered, run.count - covered, run.file, run.at + covered};
      if (run.count == 0) break;  // it may cover the next one too
      append(runs, *upper);
    }
    append(runs, run);
  }
  for (; upper != over.end(); ++upper) append(runs, *upper);
  return runs;
}

std::span<const WrittenRun>::iterator run_at(std::span<const WrittenRun> runs, std::uint64_t byte) {
  return std::partition_point(runs.begin(), runs.end(),
                              [byte](const WrittenRun& run) { return run.end() <= byte; });
}

}  // namespace samepage::vmm
