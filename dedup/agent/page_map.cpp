// SPDX-License-Identifier: Apache-2.0
#include "dedup/agent/page_map.hpp"

#include <algorithm>

#include "base/pagemap.hpp"
#include "base/process_memory.hpp"

namespace samepage::dedup {
namespace {

class MapBuilder {
 public:
  void add(GfnRange range, PageState state, FrameId frame = {}) {
    if (!map_.empty()) {
      PageMapRun& last = map_.back();
      const bool next_frame =
          state != PageState::frame || last.first_frame.value + last.range.pages.value == frame.value;
      if (last.range.end() == range.first && last.state == state && next_frame) {
        last.range.pages += range.pages;
        return;
      }
    }
    map_.push_back({range, state, frame});
  }
  std::vector<PageMapRun> take() { return std::move(map_); }

 private:
  std::vector<PageMapRun> map_;
};

// In pieces, each as long as the kernel and the agent say the same of all of its pages: a guest may have far
// more pages than pieces.
void add_region(MapBuilder& map, const MemoryRegion& region, const Pagemap& pagemap,
                const std::function<KnownPage(Gfn)>& known) {
  const std::uint64_t start = address_of(region.host);
  const auto mappings = mappings_in(start, start + region.pages.bytes());
  const auto runs = pagemap.populated(region.bytes());
  auto run = runs.begin();
  auto mapping = mappings.begin();
  for (std::uint64_t page = 0; page < region.pages.value;) {
    std::uint64_t end = region.pages.value;
    while (run != runs.end() && page >= run->first + run->count) ++run;
    const bool populated = run != runs.end() && page >= run->first;
    if (run != runs.end()) end = std::min(end, populated ? run->first + run->count : run->first);
    const std::uint64_t address = start + PageCount{page}.bytes();
    while (mapping != mappings.end() && address >= mapping->end) ++mapping;
    const bool mapped = mapping != mappings.end() && address >= mapping->start;
    if (mapping != mappings.end())
      end = std::min(end, pages_in((mapped ? mapping->end : mapping->start) - start).value);
    const bool on_file = mapped && mapping->inode != 0;
    const bool is_private = populated && run->is_private();
    const Gfn gfn = region.first + PageCount{page};
    KnownPage page_known;
    if (known && (on_file || !is_private)) {
      page_known = known(gfn);
      end = std::min(end, page + page_known.pages.value);
    }
    const GfnRange range{gfn, PageCount{end - page}};
    page = end;
    // What looks swapped out and unwritten in a mapping of a store may be a frame that the kernel has
    // reclaimed.
    const bool reclaimed = on_file && populated && !run->is(page_is_present | page_is_written) &&
                           page_known.writes_are_seen && (page_known.merged || page_known.backed);
    if (is_private && !reclaimed) {
      map.add(range, run->is(page_is_present) ? PageState::own : PageState::swapped);
    } else if (!on_file) {
      // The kernel's zero page stands behind a page that was read and never written, too.
      map.add(range, page_known.given_back ? PageState::zero : PageState::untouched);
    } else if (page_known.backed) {
      map.add(range, PageState::backed);
    } else if (page_known.paged) {
      map.add(range, populated && run->is(page_is_present) ? PageState::paged_in : PageState::paged);
    } else {
      map.add(range, PageState::frame, frame_at(mapping->offset + (address - mapping->start)));
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
