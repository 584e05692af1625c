// SPDX-License-Identifier: Apache-2.0
#include "vmm/snapshot/fork_memory.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/falloc.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/check.hpp"
#include "base/file_figures.hpp"
#include "base/process_memory.hpp"

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
                                           std::span<const dedup::PageMapRun> map) {
  ram_ = dedup::pages_of(regions);
  std::vector<SnapshotRun> runs;
  const bool worn = copied_ > 2 * live_ + least_garbage;
  if (file_ && !worn) runs = unchanged(regions, map);
  if (!file_ || worn || runs.size() > most_pieces) {
    begin_file();
    runs.clear();
  }
  check(::ftruncate(file_.get(), static_cast<off_t>((windows_ + 1) * ram_.bytes())),
        "ftruncate of a fork's memory");
  ++windows_;
  return runs;
}

void ForkMemory::done(std::span<const SnapshotRun> runs, std::uint64_t copied) {
  copied_ += copied;
  live_ = 0;
  for (const SnapshotRun& run : runs) live_ += run.pages.count;
}

void ForkMemory::failed() {
  if (windows_ == 0) return;
  --windows_;
  ::fallocate(file_.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
              static_cast<off_t>(windows_ * ram_.bytes()), static_cast<off_t>(ram_.bytes()));
}

std::vector<SnapshotRun> ForkMemory::unchanged(std::span<const dedup::MemoryRegion> regions,
                                               std::span<const dedup::PageMapRun> map) const {
  std::vector<SnapshotRun> runs;
  const FileFigures file = figures_of_file(file_.get());
  std::uint32_t region_first = 0;
  for (const dedup::MemoryRegion& region : regions) {
    const std::uint64_t start = address_of(region.host);
    for (const MappedRange& mapping : mappings_in(start, start + region.pages.bytes())) {
      if (mapping.inode != file.inode || mapping.device != file.device) continue;
      const Gfn mapped = region.first + pages_in(mapping.start - start);
      const Gfn end = region.first + pages_in(mapping.end - start);
      for (const dedup::PageMapRun& part : map) {
        const Gfn first = std::max(mapped, part.range.first);
        const Gfn last = std::min(end, part.range.end());
        if (part.state != dedup::PageState::backed || !(first < last)) continue;
        const std::uint32_t page = region_first + static_cast<std::uint32_t>((first - region.first).value);
        const std::uint64_t in_file = pages_in(mapping.offset).value + (first - mapped).value;
        runs.push_back({{{page}, static_cast<std::uint32_t>((last - first).value)},
                        static_cast<std::uint32_t>((in_file - page) / ram_.value)});
      }
    }
    region_first += static_cast<std::uint32_t>(region.pages.value);
  }
  return runs;
}

UniqueFd ForkMemory::for_clones() const {
  return checked_fd(::open(fmt::format("/proc/self/fd/{}", file_.get()).c_str(), O_RDONLY | O_CLOEXEC),
                    "open of a fork's memory");
}

}  // namespace samepage::vmm
