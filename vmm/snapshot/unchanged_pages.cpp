// SPDX-License-Identifier: Apache-2.0
#include "vmm/snapshot/unchanged_pages.hpp"

#include <algorithm>
#include <optional>

#include "base/file_figures.hpp"
#include "base/process_memory.hpp"

namespace samepage::vmm {
namespace {

struct KnownFile {
  FileFigures figures;
  std::uint64_t first_page = 0;  // of its first window
  std::uint32_t number = 0;
};

// The window that has `page` of RAM at page `in_file` of the file. None: no window has it there.
std::optional<std::uint32_t> window_of(const KnownFile& file, std::uint64_t in_file, std::uint32_t page,
                                       PageCount ram) {
  if (in_file < file.first_page + page) return std::nullopt;
  const std::uint64_t start = in_file - file.first_page - page;
  if (start % ram.value != 0 || start / ram.value > most_windows) return std::nullopt;
  return static_cast<std::uint32_t>(start / ram.value);
}

}  // namespace

std::vector<SnapshotRun> unchanged_in(std::span<const MemoryFile> files, std::uint32_t first_file,
                                      std::span<const dedup::MemoryRegion> regions,
                                      std::span<const dedup::PageMapRun> map) {
  std::vector<KnownFile> known;
  for (const MemoryFile& file : files) {
    const std::uint32_t number = first_file++;
    if (file.fd >= 0) known.push_back({figures_of_file(file.fd), pages_in(file.offset).value, number});
  }
  const PageCount ram = dedup::pages_of(regions);
  std::vector<SnapshotRun> runs;
  std::uint32_t region_first = 0;
  for (const dedup::MemoryRegion& region : regions) {
    const std::uint64_t start = address_of(region.host);
    auto part = map.begin();
    for (const MappedRange& mapping : mappings_in(start, start + region.pages.bytes())) {
      const auto file = std::find_if(known.begin(), known.end(), [&](const KnownFile& one) {
        return one.figures.inode == mapping.inode && one.figures.device == mapping.device;
      });
      if (file == known.end()) continue;
      const Gfn mapped = region.first + pages_in(mapping.start - start);
      const Gfn end = region.first + pages_in(mapping.end - start);
      while (part != map.end() && !(mapped < part->range.end())) ++part;
      for (auto at = part; at != map.end() && at->range.first < end; ++at) {
        const Gfn first = std::max(mapped, at->range.first);
        const Gfn last = std::min(end, at->range.end());
        if (at->state != dedup::PageState::backed || !(first < last)) continue;
        const std::uint32_t page = region_first + static_cast<std::uint32_t>((first - region.first).value);
        const auto window =
            window_of(*file, pages_in(mapping.offset).value + (first - mapped).value, page, ram);
        if (!window) continue;
        runs.push_back({{{page}, static_cast<std::uint32_t>((last - first).value)}, *window, file->number});
      }
    }
    region_first += static_cast<std::uint32_t>(region.pages.value);
  }
  return runs;
}

}  // namespace samepage::vmm
