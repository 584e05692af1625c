// SPDX-License-Identifier: Apache-2.0
#include "vmm/snapshot/memory_copy.hpp"

#include <fcntl.h>
#include <linux/falloc.h>

#include <algorithm>

#include "base/check.hpp"
#include "base/file_bytes.hpp"
#include "dedup/digest.hpp"

namespace samepage::vmm {
MemoryCopy::MemoryCopy(std::span<const dedup::MemoryRegion> regions, int fd, std::uint64_t offset,
                       std::uint32_t window)
    : fd_(fd), offset_(offset), window_(window) {
  std::uint32_t pages = 0;
  for (const dedup::MemoryRegion& region : regions) {
    regions_.push_back({region, pages});
    pages += static_cast<std::uint32_t>(region.pages.value);
  }
  places_.assign(pages, nowhere);
}

void MemoryCopy::reuse(std::span<const SnapshotRun> runs) {
  for (const SnapshotRun& run : runs) {
    std::fill_n(places_.begin() + run.pages.first.value, run.pages.count, run.window);
  }
}

void MemoryCopy::copy(std::span<const dedup::PageMapRun> map) {
  for (const dedup::PageMapRun& run : map) {
    if (run.state == dedup::PageState::untouched || run.state == dedup::PageState::zero) continue;
    for_each_part(run.range, [this](const Region& region, std::uint32_t page, std::uint32_t end) {
      while (page < end) {
        const std::uint32_t next = same_until(page, end);
        if (places_[page] == nowhere) copy(region, page, next);
        page = next;
      }
    });
  }
}

void MemoryCopy::copy(const GfnRange& range) {
  for_each_part(range, [this](const Region& region, std::uint32_t first, std::uint32_t end) {
    copy(region, first, end);
  });
}

template <typename Act>
void MemoryCopy::for_each_part(const GfnRange& range, Act act) {
  for (const Region& region : regions_) {
    const Gfn first = std::max(range.first, region.memory.first);
    const Gfn end = std::min(range.end(), region.memory.first + region.memory.pages);
    if (!(first < end)) continue;
    const auto page = region.first + static_cast<std::uint32_t>((first - region.memory.first).value);
    act(region, page, page + static_cast<std::uint32_t>((end - first).value));
  }
}

std::uint64_t MemoryCopy::offset_of(std::uint32_t page) const {
  return offset_ + offset_in_windows({page}, window_, {places_.size()});
}

std::uint32_t MemoryCopy::same_until(std::uint32_t first, std::uint32_t end) const {
  std::uint32_t next = first + 1;
  while (next < end && places_[next] == places_[first]) ++next;
  return next;
}

// In runs: a system call for a page costs as much as copying some.
void MemoryCopy::copy(const Region& region, std::uint32_t first, std::uint32_t end) {
  const std::span<const std::byte> memory = region.memory.bytes();
  const auto host = [&](std::uint32_t page) {
    return memory.data() + PageCount{page - region.first}.bytes();
  };
  while (first < end) {
    const bool zero = dedup::is_zero_page(host(first));
    std::uint32_t next = first + 1;
    while (next < end && dedup::is_zero_page(host(next)) == zero) ++next;
    if (zero) {
      drop(first, next);
    } else {
      write_at(fd_, {host(first), PageCount{next - first}.bytes()}, offset_of(first),
               "write of the guest's memory");
      std::fill(places_.begin() + first, places_.begin() + next, window_);
      copied_ += next - first;
    }
    first = next;
  }
}

// What was copied before is zero now. Earlier windows are others' too.
void MemoryCopy::drop(std::uint32_t first, std::uint32_t end) {
  while (first < end) {
    const std::uint32_t next = same_until(first, end);
    if (places_[first] == window_) {
      check(::fallocate(fd_, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, static_cast<off_t>(offset_of(first)),
                        static_cast<off_t>(PageCount{next - first}.bytes())),
            "fallocate of the guest's memory");
    }
    std::fill(places_.begin() + first, places_.begin() + next, nowhere);
    first = next;
  }
}

std::vector<SnapshotRun> MemoryCopy::runs() const {
  std::vector<SnapshotRun> runs;
  const auto pages = static_cast<std::uint32_t>(places_.size());
  for (std::uint32_t page = 0; page < pages;) {
    const std::uint32_t next = same_until(page, pages);
    if (places_[page] != nowhere) runs.push_back({{{page}, next - page}, places_[page]});
    page = next;
  }
  return joined(runs, window_);
}

}  // namespace samepage::vmm
