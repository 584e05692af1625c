// SPDX-License-Identifier: Apache-2.0
#include "dedup/agent/origins.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/laid_over.hpp"

namespace samepage::dedup {
void Origins::forked(UniqueFd file, const FileFigures& figures, std::vector<BackedRun> runs) {
  const bool same_file =
      fork_file_ && figures.inode == fork_figures_.inode && figures.device == fork_figures_.device;
  if (same_file) {
    for (BackedRun& run : runs) run.file = fork_file_.get();
    fork_ = laid_over<BackedRun>(fork_, runs);
    return;
  }
  fork_ = std::move(runs);
  fork_file_ = std::move(file);
  fork_figures_ = figures;
  for (BackedRun& run : fork_) run.file = fork_file_.get();
}

std::optional<BackedRun> Origins::same(PageIndex page, const std::byte* memory) {
  if (auto run = same_in(fork_, page, memory)) return run;
  return same_in(start_, page, memory);
}

std::optional<BackedRun> Origins::same_in(const std::vector<BackedRun>& runs, PageIndex page,
                                          const std::byte* memory) {
  const auto next =
      std::upper_bound(runs.begin(), runs.end(), page,
                       [](PageIndex wanted, const BackedRun& run) { return wanted < run.pages.first; });
  if (next == runs.begin()) return std::nullopt;
  const BackedRun& run = *(next - 1);
  if (!run.pages.contains(page)) return std::nullopt;
  const std::uint64_t offset = run.offset_of(page);
  const ssize_t got = ::pread(run.file, copy_.data(), copy_.size(), static_cast<off_t>(offset));
  if (got != static_cast<ssize_t>(copy_.size())) return std::nullopt;
  if (std::memcmp(copy_.data(), memory, copy_.size()) != 0) return std::nullopt;
  return BackedRun{{page, 1}, offset, run.file};
}

}  // namespace samepage::dedup
