// SPDX-License-Identifier: Apache-2.0
#include "vmm/process/memory_dump.hpp"

#include <unistd.h>

#include <algorithm>

#include "base/check.hpp"
#include "base/file_bytes.hpp"
#include "base/read_ahead.hpp"

namespace samepage::vmm {
std::uint64_t dump_memory(int fd, std::span<const dedup::MemoryRegion> regions,
                          std::span<const dedup::PageMapRun> map) {
  check(::ftruncate(fd, 0), "ftruncate of the dump");
  Gfn end;
  for (const dedup::MemoryRegion& region : regions) end = std::max(end, region.first + region.pages);
  check(::ftruncate(fd, static_cast<off_t>(end.gpa().value)), "ftruncate of the dump");
  std::uint64_t total = 0;
  for (const dedup::PageMapRun& run : map) {
    if (run.state == dedup::PageState::untouched || run.state == dedup::PageState::zero) continue;
    for (const dedup::MemoryRegion& region : regions) {
      const Gfn first = std::max(run.range.first, region.first);
      const Gfn last = std::min(run.range.end(), region.first + region.pages);
      if (first >= last) continue;
      const std::span<const std::byte> memory =
          region.bytes().subspan((first - region.first).bytes(), (last - first).bytes());
      for (std::size_t done = 0; done < memory.size(); done += read_ahead_bytes) {
        const auto part = memory.subspan(done, std::min(read_ahead_bytes, memory.size() - done));
        read_ahead(part);
        write_at(fd, part, first.gpa().value + done, "write of the dump");
      }
      total += memory.size();
    }
  }
  return total;
}

}  // namespace samepage::vmm
