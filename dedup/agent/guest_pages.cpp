// SPDX-License-Identifier: Apache-2.0
#include "dedup/agent/guest_pages.hpp"

#include <fmt/format.h>

#include "base/check.hpp"
#include "dedup/protocol.hpp"

namespace samepage::dedup {

GuestPages::GuestPages(const std::vector<MemoryRegion>& regions) {
  std::uint64_t pages = 0;
  for (const MemoryRegion& region : regions) {
    const PageIndex first{static_cast<std::uint32_t>(pages)};
    pages += region.pages.value;
    if (pages > wire::max_pages) {
      throw UserError(
          fmt::format("the guest has more than the {} pages that can be merged; run it with "
                      "--domain none",
                      wire::max_pages));
    }
    regions_.push_back({region, {first, static_cast<std::uint32_t>(region.pages.value)}});
  }
  count_ = static_cast<std::uint32_t>(pages);
}

const GuestPages::Region& GuestPages::region_of(PageIndex page) const {
  for (const Region& region : regions_) {
    if (page < region.pages.end()) return region;
  }
  invariant(false, "a page beyond the guest's RAM");
  return regions_.back();
}

std::optional<PageIndex> GuestPages::page_of(Gfn gfn) const {
  for (const Region& region : regions_) {
    if (GfnRange{region.memory.first, region.memory.pages}.contains(gfn)) {
      return region.pages.first + static_cast<std::uint32_t>((gfn - region.memory.first).value);
    }
  }
  return std::nullopt;
}

std::vector<PageRange> GuestPages::pages_in(const GfnRange& range) const {
  std::vector<PageRange> found;
  for (const Region& region : regions_) {
    const Gfn first = std::max(range.first, region.memory.first);
    const Gfn end = std::min(range.end(), region.memory.first + region.memory.pages);
    if (!(first < end)) continue;
    const auto skipped = static_cast<std::uint32_t>((first - region.memory.first).value);
    found.push_back({region.pages.first + skipped, static_cast<std::uint32_t>((end - first).value)});
  }
  return found;
}

std::vector<PageRange> GuestPages::pieces_of(std::span<const PageRange> ranges, std::uint32_t most) const {
  std::vector<PageRange> pieces;
  for (PageRange rest : ranges) {
    while (!rest.empty())
      pieces.push_back(rest.take_front(std::min(most, region_of(rest.first).pages.end() - rest.first)));
  }
  return pieces;
}

}  // namespace samepage::dedup
