// SPDX-License-Identifier: Apache-2.0
#include "dedup/agent/page_map.hpp"

#include <algorithm>

#include "base/pagemap.hpp"
#include "base/process_memory.hpp"

namespace samepage::dedup {
namespace {

class MapBuilder {
 public:
  void add(Gfn gfn, PageState state, FrameId frame) {
    if (!map_.empty()) {
      PageMapRun& last = map_.back();
      const bool next_frame =
          state != PageState::frame || last.first_frame.value + last.range.pages.value == frame.value;
      if (last.range.end() == gfn && last.state == state && next_frame) {
        last.range.pages += PageCount{1};
        return;
      }
    }
    map_.push_back({{gfn, PageCount{1}}, state, frame});
  }
  std::vector<PageMapRun> take() { return std::move(map_); }

 private:
  std::vector<PageMapRun> map_;
};

void add_region(MapBuilder& map, const MemoryRegion& region, const Pagemap& pagemap,
                const std::function<KnownPage(Gfn)>& known) {
  const auto known_of = [&](Gfn gfn) { return known ? known(gfn) : KnownPage{}; };
  const std::uint64_t start = address_of(region.host);
  const auto mappings = mappings_in(start, start + region.pages.bytes());
  const auto runs = pagemap.populated(region.bytes());
  auto run = runs.begin();
  auto mapping = mappings.begin();
  for (std::uint64_t page = 0; page < region.pages.value; ++page) {
    while (run != runs.end() && page >= run->first + run->count) ++run;
    const bool populated = run != runs.end() && page >= run->first;
    const std::uint64_t address = start + PageCount{page}.bytes();
    while (mapping != mappings.end() && address >= mapping->end) ++mapping;
    const bool on_file = mapping != mappings.end() && address >= mapping->start && mapping->inode != 0;
    const Gfn gfn = region.first + PageCount{page};
    // What looks swapped out and unwritten in a mapping of a store may be a frame that the kernel has
    // reclaimed.
    const KnownPage page_known = on_file ? known_of(gfn) : KnownPage{};
    const bool reclaimed = populated && !run->is(page_is_present | page_is_written) &&
                           page_known.writes_are_seen && (page_known.merged || page_known.backed);
    if (populated && run->is_private() && !reclaimed) {
      map.add(gfn, run->is(page_is_present) ? PageState::own : PageState::swapped, {});
    } else if (page_known.backed) {
      map.add(gfn, PageState::backed, {});
    } else if (page_known.paged) {
      map.add(gfn, populated && run->is(page_is_present) ? PageState::paged_in : PageState::paged, {});
    } else if (on_file) {
      map.add(gfn, PageState::frame, frame_at(mapping->offset + (address - mapping->start)));
    } else {
      // The kernel's zero page stands behind a page that was read and never written, too.
      map.add(gfn, known_of(gfn).given_back ? PageState::zero : PageState::untouched, {});
    }
  }
}

}  // namespace

std::vector<PageMapRun> page_map(std::span<const MemoryRegion> regions,
                                 const std::function<KnownPage(Gfn)>& known) {
  const Pagemap pagemap;
  MapBuilder map;
  for (const MemoryRegion& region : regions) add_region(map, region, pagemap, known);
  return map.take();
}

MemoryFigures figures_of(std::span<const MemoryRegion> regions, std::span<const PageMapRun> map) {
  MemoryFigures figures;
  for (const PageMapRun& run : map) {
    const std::uint64_t bytes = run.range.pages.bytes();
    figures.ram_bytes += bytes;
    switch (run.state) {
      case PageState::untouched:
        figures.untouched_bytes += bytes;
        break;
      case PageState::zero:
        figures.zero_bytes += bytes;
        break;
      case PageState::swapped:
        figures.swapped_bytes += bytes;
        [[fallthrough]];
      case PageState::own:
        figures.private_bytes += bytes;
        break;
      case PageState::paged_in:
        figures.paged_in_bytes += bytes;
        [[fallthrough]];
      case PageState::paged:
        figures.paged_bytes += bytes;
        figures.shared_bytes += bytes;
        break;
      case PageState::backed:
        figures.backed_bytes += bytes;
        [[fallthrough]];
      case PageState::frame:
        figures.shared_bytes += bytes;
        break;
    }
  }
  for (const MemoryRegion& region : regions) {
    const std::uint64_t start = address_of(region.host);
    figures.vmas += mappings_in(start, start + region.pages.bytes()).size();
  }
  return figures;
}

}  // namespace samepage::dedup
