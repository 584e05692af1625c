// SPDX-License-Identifier: Apache-2.0
#include "vmm/snapshot/memory_copy.hpp"

#include <fcntl.h>
#include <linux/falloc.h>

#include <algorithm>
#include <cstring>

#include "base/check.hpp"
#include "base/write_at.hpp"

namespace samepage::vmm {
namespace {

bool is_zero(const std::byte* page) {
  return page[0] == std::byte{0} && std::memcmp(page, page + 1, page_size - 1) == 0;
}

}  // namespace

MemoryCopy::MemoryCopy(std::span<const dedup::MemoryRegion> regions, int fd, std::uint64_t offset)
    : fd_(fd), offset_(offset) {
  std::uint32_t pages = 0;
  for (const dedup::MemoryRegion& region : regions) {
    regions_.push_back({region, pages});
    pages += static_cast<std::uint32_t>(region.pages.value);
  }
  has_data_.resize(pages);
}

void MemoryCopy::copy(std::span<const dedup::PageMapRun> map) {
  for (const dedup::PageMapRun& run : map) {
    if (run.state == dedup::PageState::untouched || run.state == dedup::PageState::zero) continue;
    copy(run.range);
  }
}

void MemoryCopy::copy(const GfnRange& range) {
  for (const Region& region : regions_) {
    const Gfn first = std::max(range.first, region.memory.first);
    const Gfn end = std::min(range.end(), region.memory.first + region.memory.pages);
    if (!(first < end)) continue;
    copy(region, region.first + static_cast<std::uint32_t>((first - region.memory.first).value),
         region.first + static_cast<std::uint32_t>((end - region.memory.first).value));
  }
}

// In runs: a system call for a page costs as much as copying some.
void MemoryCopy::copy(const Region& region, std::uint32_t first, std::uint32_t end) {
  const std::span<const std::byte> memory = region.memory.bytes();
  const auto host = [&](std::uint32_t page) {
    return memory.data() + PageCount{page - region.first}.bytes();
  };
  while (first < end) {
    const bool zero = is_zero(host(first));
    std::uint32_t next = first + 1;
    while (next < end && is_zero(host(next)) == zero) ++next;
    if (zero) {
      drop(first, next);
    } else {
      write_at(fd_, {host(first), PageCount{next - first}.bytes()}, offset_ + PageCount{first}.bytes(),
               "write of the guest's memory");
      std::fill(has_data_.begin() + first, has_data_.begin() + next, true);
      copied_ += next - first;
    }
    first = next;
  }
}

// What was copied before is zero now.
void MemoryCopy::drop(std::uint32_t first, std::uint32_t end) {
  for (std::uint32_t page = first; page < end; ++page) {
    if (!has_data_[page]) continue;
    std::uint32_t next = page + 1;
    while (next < end && has_data_[next]) ++next;
    check(::fallocate(fd_, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                      static_cast<off_t>(offset_ + PageCount{page}.bytes()),
                      static_cast<off_t>(PageCount{next - page}.bytes())),
          "fallocate of the guest's memory");
    std::fill(has_data_.begin() + page, has_data_.begin() + next, false);
    page = next;
  }
}

std::vector<PageRange> MemoryCopy::data() const {
  std::vector<PageRange> ranges;
  const auto pages = static_cast<std::uint32_t>(has_data_.size());
  for (std::uint32_t page = 0; page < pages; ++page) {
    if (!has_data_[page]) continue;
    std::uint32_t next = page + 1;
    while (next < pages && has_data_[next]) ++next;
    ranges.push_back({{page}, next - page});
    page = next;
  }
  return ranges;
}

}  // namespace samepage::vmm
