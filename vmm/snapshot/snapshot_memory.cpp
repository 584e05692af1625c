// SPDX-License-Identifier: Apache-2.0
#include "vmm/snapshot/snapshot_memory.hpp"

#include <algorithm>

#include "base/check.hpp"
#include "base/file_bytes.hpp"

namespace samepage::vmm {

void SnapshotMemory::each_run(const PageRange& range,
                              const std::function<void(const SnapshotRun&)>& visit) const {
  auto run = std::partition_point(runs_.begin(), runs_.end(),
                                  [&](const SnapshotRun& one) { return one.pages.end() <= range.first; });
  for (; run != runs_.end() && run->pages.first < range.end(); ++run) {
    const PageIndex first = std::max(run->pages.first, range.first);
    const PageIndex end = std::min(run->pages.end(), range.end());
    visit({pages_between(first, end), run->window, run->file});
  }
}

void SnapshotMemory::read(const SnapshotRun& run, std::span<std::byte> to) const {
  const MemoryFile& file = files_.at(run.file - first_file_);
  const ssize_t got = check(read_fully(file.fd, offset_of(run, file, ram_), to), "read of the snapshot");
  if (static_cast<std::size_t>(got) < to.size()) throw UserError("it has been cut short");
}

}  // namespace samepage::vmm
