// SPDX-License-Identifier: Apache-2.0
#include "vmm/snapshot/pmem_copy.hpp"

#include "base/file_bytes.hpp"
#include "base/laid_over.hpp"
#include "base/pagemap.hpp"
#include "vmm/snapshot/snapshot_pages.hpp"

namespace samepage::vmm {

dedup::MemoryRegion region_of(const PmemFile& file) {
  return {Gfn{0}, pages_for(file.bytes().size()), file.bytes().data()};
}

PmemCopy::PmemCopy(const PmemFile& file, int fd, std::uint64_t offset)
    : file_(file),
      region_(region_of(file)),
      memory_({&region_, 1}),
      fd_(fd),
      offset_(offset),
      copied_(region_.pages.value) {}

std::vector<WrittenRun> PmemCopy::written() const {
  std::vector<WrittenRun> before;
  for (const WrittenRun& run : file_.begun_from()) before.push_back({run.first, run.count, 0, run.first});
  std::vector<WrittenRun> since;
  for (const PageRun& run : Pagemap().populated(region_.bytes())) {
    if (!run.is_private()) continue;
    const std::uint64_t first = PageCount{run.first}.bytes();
    since.push_back({first, PageCount{run.count}.bytes(), 0, first});
  }
  return laid_over<WrittenRun>(before, since);
}

void PmemCopy::copy_running() {
  watched_ = memory_.watch();
  if (!watched_) return;
  for (const WrittenRun& run : written()) copy(run.first / page_size, run.end() / page_size);
}

void PmemCopy::copy_held() {
  if (watched_) {
    const bool told = memory_.written([this](const GfnRange& pages) {
      for (Gfn page = pages.first; page < pages.end(); page = page + PageCount{1}) {
        copied_[page.value] = false;
      }
    });
    if (!told) copied_.assign(copied_.size(), false);
  }
  // Short gaps come along: who maps the copy can't have a mapping for each page.
  std::vector<SnapshotRun> pages;
  for (const WrittenRun& run : written()) {
    pages.push_back({{{static_cast<std::uint32_t>(run.first / page_size)},
                      static_cast<std::uint32_t>(run.count / page_size)}});
  }
  runs_.clear();
  for (const SnapshotRun& run : joined(pages, 0)) {
    copy(run.pages.first.value, run.pages.end().value);
    const std::uint64_t first = PageCount{run.pages.first.value}.bytes();
    runs_.push_back({first, PageCount{run.pages.count}.bytes(), 0, offset_ + first});
  }
}

void PmemCopy::copy(std::uint64_t first, std::uint64_t end) {
  while (first < end) {
    std::uint64_t next = first + 1;
    while (next < end && copied_[next] == copied_[first]) ++next;
    if (!copied_[first]) {
      const std::uint64_t at = PageCount{first}.bytes();
      write_at(fd_, region_.bytes().subspan(at, PageCount{next - first}.bytes()), offset_ + at,
               "write of persistent memory");
      for (std::uint64_t page = first; page < next; ++page) copied_[page] = true;
    }
    first = next;
  }
}

std::vector<WrittenRun> PmemCopy::runs(std::uint32_t file) const {
  std::vector<WrittenRun> runs = runs_;
  for (WrittenRun& run : runs) run.file = file;
  return runs;
}

}  // namespace samepage::vmm
