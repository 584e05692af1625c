// SPDX-License-Identifier: Apache-2.0
#include "vmm/snapshot/backed_memory.hpp"

#include <sys/mman.h>
#include <sys/stat.h>

#include <algorithm>
#include <vector>

#include "base/check.hpp"

namespace samepage::vmm {

void map_backing(const GuestMemory& memory, std::span<const MemoryFile> files,
                 std::span<const SnapshotRun> runs) {
  const PageCount ram = dedup::pages_of(memory.regions());
  std::vector<std::uint64_t> sizes;
  for (const MemoryFile& file : files) {
    struct stat info {};
    if (file.fd >= 0) check(::fstat(file.fd, &info), "fstat of the snapshot");
    sizes.push_back(static_cast<std::uint64_t>(info.st_size));
  }
  for (const SnapshotRun& run : runs) {
    const MemoryFile& file = files[run.file];
    const std::uint64_t in_file = offset_of(run, file, ram);
    if (in_file + PageCount{run.pages.count}.bytes() > sizes[run.file]) {
      throw UserError("it has been cut short");
    }
    std::uint32_t region_first = 0;
    for (const dedup::MemoryRegion& region : memory.regions()) {
      const auto region_pages = static_cast<std::uint32_t>(region.pages.value);
      const std::uint32_t first = std::max(run.pages.first.value, region_first);
      const std::uint32_t end = std::min(run.pages.end().value, region_first + region_pages);
      if (first < end) {
        const auto bytes =
            region.bytes().subspan(PageCount{first - region_first}.bytes(), PageCount{end - first}.bytes());
        // SAFETY: MAP_FIXED over RAM of ours that nobody has used yet.
        if (::mmap(bytes.data(), bytes.size(), PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_FIXED | MAP_NORESERVE, file.fd,
                   static_cast<off_t>(in_file + PageCount{first - run.pages.first.value}.bytes())) ==
            MAP_FAILED) {
          throw_errno("mmap of the snapshot");
        }
        check(::madvise(bytes.data(), bytes.size(), MADV_DONTFORK), "madvise(MADV_DONTFORK)");
      }
      region_first += region_pages;
    }
  }
}

std::vector<dedup::BackedRun> backed_runs(std::span<const SnapshotRun> runs,
                                          std::span<const MemoryFile> files, PageCount ram) {
  std::vector<dedup::BackedRun> backed;
  backed.reserve(runs.size());
  for (const SnapshotRun& run : runs) {
    backed.push_back({run.pages, offset_of(run, files[run.file], ram), files[run.file].fd});
  }
  return backed;
}

}  // namespace samepage::vmm
