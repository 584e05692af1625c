// SPDX-License-Identifier: Apache-2.0
#include "dedup/agent/guest_pages.hpp"

#include <fmt/format.h>

#include "base/check.hpp"
#include "dedup/protocol.hpp"

namespace samepage::dedup {

GuestPages::GuestPages(const std::vector<MemoryRegion>& regions) {
  std::uint64_t pages = 0;
  for (const MemoryRegion& region : regions) {
    regions_.push_back({region, static_cast<std::uint32_t>(pages)});
    pages += region.pages.value;
    if (pages > wire::max_pages) {
      throw UserError(
          fmt::format("the guest has more than the {} pages that can be merged; run it with "
                      "--domain none",
                      wire::max_pages));
    }
  }
  count_ = static_cast<std::uint32_t>(pages);
  flags_ = Mapping::anonymous(pages_for(count_).bytes());
}

const GuestPages::Region& GuestPages::region_of(std::uint32_t page) const {
  for (const Region& region : regions_) {
    if (page < region.end_page()) return region;
  }
  invariant(false, "a page beyond the guest's RAM");
  return regions_.back();
}

std::byte* GuestPages::host(std::uint32_t page) const {
  const Region& region = region_of(page);
  return region.memory.host + PageCount{page - region.first_page}.bytes();
}

std::optional<std::uint32_t> GuestPages::page_of(Gfn gfn) const {
  for (const Region& region : regions_) {
    if (GfnRange{region.memory.first, region.memory.pages}.contains(gfn)) {
      return region.first_page + static_cast<std::uint32_t>((gfn - region.memory.first).value);
    }
  }
  return std::nullopt;
}

}  // namespace samepage::dedup
