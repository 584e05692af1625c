// SPDX-License-Identifier: Apache-2.0
#include "vmm/snapshot/own_memory.hpp"

#include <sys/mman.h>

#include "base/check.hpp"

namespace samepage::vmm {

bool OwnMemory::watch() {
  tracking_ = WriteTracking::probe();
  if (!tracking_) return false;
  for (const dedup::MemoryRegion& region : regions_) {
    if (!tracking_->add(region.bytes())) return false;
    if (!tracking_->take_written(region.bytes(), Pagemap::Files::possible, [](const PageRun&) {}))
      return false;
  }
  return true;
}

bool OwnMemory::written(const std::function<void(const GfnRange&)>& visit) {
  for (const dedup::MemoryRegion& region : regions_) {
    const bool told = tracking_->visit_written(region.bytes(), [&](const PageRun& run) {
      if (run.is_private()) visit({region.first + PageCount{run.first}, PageCount{run.count}});
    });
    if (!told) return false;
  }
  return true;
}

// In a private mapping of a file that never changes a page that is dropped is the file's again.
std::uint64_t OwnMemory::put_back(const dedup::Backing& /*backing*/) {
  std::uint64_t pages = 0;
  const Pagemap pagemap;
  for (const dedup::MemoryRegion& region : regions_) {
    for (const PageRun& run : pagemap.populated(region.bytes())) {
      if (!run.is_private()) continue;
      const auto memory = region.bytes().subspan(PageCount{run.first}.bytes(), PageCount{run.count}.bytes());
      check(::madvise(memory.data(), memory.size(), MADV_DONTNEED), "madvise(MADV_DONTNEED)");
      pages += run.count;
    }
  }
  return pages;
}

}  // namespace samepage::vmm
