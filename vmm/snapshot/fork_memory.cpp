// SPDX-License-Identifier: Apache-2.0
#include "vmm/snapshot/fork_memory.hpp"

#include <fcntl.h>
#include <linux/falloc.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/check.hpp"
#include "base/open_again.hpp"
#include "vmm/snapshot/unchanged_pages.hpp"

namespace samepage::vmm {
namespace {

constexpr std::uint64_t least_garbage = 4096;  // pages that nobody makes a new file for
constexpr std::size_t most_pieces = 1024;      // mappings that a clone is made of

}  // namespace

void ForkMemory::begin_file() {
  file_ = checked_fd(::memfd_create("samepage-fork", MFD_CLOEXEC | MFD_ALLOW_SEALING), "memfd_create");
  // Whoever maps it never finds it shorter.
  check(::fcntl(file_.get(), F_ADD_SEALS, F_SEAL_SHRINK), "fcntl(F_ADD_SEALS)");
  windows_ = 0;
  copied_ = 0;
  live_ = 0;
}

std::vector<SnapshotRun> ForkMemory::begin(std::span<const dedup::MemoryRegion> regions,
                                           std::span<const dedup::PageMapRun> map,
                                           std::span<const MemoryFile> inherited) {
  ram_ = dedup::pages_of(regions);
  std::vector<MemoryFile> files{{file_.get(), 0}};
  // A chain of clones of clones ends here: one of them copies all.
  if (inherited.size() < most_other_files) files.insert(files.end(), inherited.begin(), inherited.end());
  std::vector<SnapshotRun> runs = unchanged_in(files, file, regions, map);
  const auto is_own = [](const SnapshotRun& run) { return run.file == file; };
  const bool worn = copied_ > 2 * live_ + least_garbage || windows_ >= most_windows;
  if (worn) std::erase_if(runs, is_own);
  const bool pieces = runs.size() > most_pieces;
  if (pieces) runs.clear();
  if (!file_ || worn || pieces) begin_file();
  check(::ftruncate(file_.get(), static_cast<off_t>((windows_ + 1) * ram_.bytes())),
        "ftruncate of a fork's memory");
  ++windows_;
  return runs;
}

void ForkMemory::done(std::span<const SnapshotRun> runs, std::uint64_t copied) {
  copied_ += copied;
  live_ = 0;
  for (const SnapshotRun& run : runs) live_ += run.file == file ? run.pages.count : 0;
}

void ForkMemory::failed() {
  if (windows_ == 0) return;
  --windows_;
  ::fallocate(file_.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
              static_cast<off_t>(windows_ * ram_.bytes()), static_cast<off_t>(ram_.bytes()));
}

UniqueFd ForkMemory::for_clones() const {
  return open_to_read(file_.get(), "open of a fork's memory");
}

}  // namespace samepage::vmm
