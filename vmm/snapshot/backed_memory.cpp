// SPDX-License-Identifier: Apache-2.0
#include "vmm/snapshot/backed_memory.hpp"

#include <sys/mman.h>

#include <algorithm>

#include "base/check.hpp"

namespace samepage::vmm {
namespace {

constexpr std::uint32_t first_gap = 16;  // pages
constexpr std::size_t most_ranges = 1024;

}  // namespace

std::vector<PageRange> backing_ranges(std::span<const PageRange> data) {
  for (std::uint64_t gap = first_gap;; gap *= 2) {
    std::vector<PageRange> ranges;
    for (const PageRange& range : data) {
      if (!ranges.empty() && range.first - ranges.back().end() <= gap) {
        ranges.back().count = range.end() - ranges.back().first;
      } else {
        ranges.push_back(range);
      }
    }
    if (ranges.size() <= most_ranges) return ranges;
  }
}

std::vector<GfnRange> map_backing(const GuestMemory& memory, int fd, std::uint64_t offset,
                                  std::span<const PageRange> data) {
  std::vector<GfnRange> mapped;
  for (const PageRange& range : backing_ranges(data)) {
    std::uint32_t region_first = 0;
    for (const dedup::MemoryRegion& region : memory.regions()) {
      const auto region_pages = static_cast<std::uint32_t>(region.pages.value);
      const std::uint32_t first = std::max(range.first.value, region_first);
      const std::uint32_t end = std::min(range.end().value, region_first + region_pages);
      if (first < end) {
        const auto bytes =
            region.bytes().subspan(PageCount{first - region_first}.bytes(), PageCount{end - first}.bytes());
        // SAFETY: MAP_FIXED over RAM of ours that nobody has used yet.
        if (::mmap(bytes.data(), bytes.size(), PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_FIXED | MAP_NORESERVE, fd,
                   static_cast<off_t>(offset + PageCount{first}.bytes())) == MAP_FAILED) {
          throw_errno("mmap of the snapshot");
        }
        check(::madvise(bytes.data(), bytes.size(), MADV_DONTFORK), "madvise(MADV_DONTFORK)");
        mapped.push_back({region.first + PageCount{first - region_first}, PageCount{end - first}});
      }
      region_first += region_pages;
    }
  }
  return mapped;
}

}  // namespace samepage::vmm
