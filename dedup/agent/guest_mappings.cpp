// SPDX-License-Identifier: Apache-2.0
#include "dedup/agent/guest_mappings.hpp"

#include <algorithm>
#include <map>

#include "base/file_figures.hpp"
#include "base/process_memory.hpp"

namespace samepage::dedup {

GuestMappings mappings_of(const GuestPages& pages) {
  GuestMappings found;
  for (const GuestPages::Region& region : pages.regions()) {
    const std::uint64_t start = address_of(region.memory.host);
    const auto mappings = mappings_in(start, start + region.memory.pages.bytes());
    if (!mappings.empty()) found.added += mappings.size() - 1;
    for (const MappedRange& mapping : mappings) {
      if (mapping.inode == 0) continue;
      const auto skipped = static_cast<std::uint32_t>(pages_in(mapping.start - start).value);
      const auto count = static_cast<std::uint32_t>(pages_in(mapping.end - mapping.start).value);
      found.of_files.push_back(
          {{region.pages.first + skipped, count}, mapping.inode, mapping.device, mapping.offset});
    }
  }
  return found;
}

std::vector<PageRange> still_mapped(std::span<const BackedRun> runs, std::span<const FileMapping> mappings) {
  std::map<int, FileFigures> files;
  for (const BackedRun& run : runs) {
    if (!files.contains(run.file)) files[run.file] = figures_of_file(run.file);
  }
  std::vector<PageRange> mapped;
  auto run = runs.begin();
  for (const FileMapping& mapping : mappings) {
    while (run != runs.end() && run->pages.end() <= mapping.pages.first) ++run;
    for (auto at = run; at != runs.end() && at->pages.first < mapping.pages.end(); ++at) {
      const PageIndex first = std::max(at->pages.first, mapping.pages.first);
      const PageIndex end = std::min(at->pages.end(), mapping.pages.end());
      const FileFigures& file = files[at->file];
      const std::uint64_t in_file = mapping.offset + PageCount{first - mapping.pages.first}.bytes();
      if (mapping.inode == file.inode && mapping.device == file.device && in_file == at->offset_of(first)) {
        mapped.push_back(pages_between(first, end));
      }
    }
  }
  return mapped;
}

std::uint64_t shared_bytes(const GuestPages& pages, const Pagemap& pagemap, const StoreMapping& mapping) {
  std::uint64_t own = 0;
  for (const PageRun& run : pagemap.populated(pages.bytes_of(mapping.pages))) {
    own += run.is_private() ? run.count : 0;
  }
  return PageCount{mapping.pages.count - own}.bytes();
}

}  // namespace samepage::dedup
