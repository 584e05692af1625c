// SPDX-License-Identifier: Apache-2.0
#include "vmm/memory/guest_memory.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <cstring>

#include "base/check.hpp"
#include "vmm/memory/layout.hpp"

namespace samepage::vmm {

std::vector<GfnRange> ram_ranges(std::uint64_t bytes) {
  const std::uint64_t low = std::min(bytes, layout::hole.value);
  std::vector<GfnRange> ranges{{Gfn{0}, pages_in(low)}};
  if (bytes > low) ranges.push_back({gfn_of(layout::high_ram), pages_in(bytes - low)});
  return ranges;
}

GuestMemory::GuestMemory(std::uint64_t bytes) : mapping_(Mapping::anonymous(bytes)) {
  // Whole huge pages can't be merged 4 KiB by 4 KiB, and would be committed whole.
  check(::madvise(mapping_.data(), bytes, MADV_NOHUGEPAGE), "madvise(MADV_NOHUGEPAGE)");
  check(::madvise(mapping_.data(), bytes, MADV_DONTFORK), "madvise(MADV_DONTFORK)");
  std::byte* host = mapping_.data();
  for (const GfnRange& range : ram_ranges(bytes)) {
    regions_.push_back({range.first, range.pages, host});
    host += range.pages.bytes();
  }
}

std::optional<std::span<std::byte>> GuestMemory::at(Gpa address, std::uint64_t size) const {
  for (const dedup::MemoryRegion& region : regions_) {
    const Gpa start = region.first.gpa();
    if (address < start) continue;
    const std::uint64_t offset = address - start;
    const std::uint64_t length = region.pages.bytes();
    if (offset <= length && size <= length - offset) return region.bytes().subspan(offset, size);
  }
  return std::nullopt;
}

bool GuestMemory::write(Gpa address, std::span<const std::byte> bytes) const {
  const auto target = at(address, bytes.size());
  if (!target) return false;
  if (!bytes.empty()) std::memcpy(target->data(), bytes.data(), bytes.size());
  return true;
}

}  // namespace samepage::vmm
