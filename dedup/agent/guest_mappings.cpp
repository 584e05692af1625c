// SPDX-License-Identifier: Apache-2.0
#include "dedup/agent/guest_mappings.hpp"

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
      found.of_files.push_back({{region.pages.first + skipped, count}, mapping.inode, mapping.device});
    }
  }
  return found;
}

std::uint64_t shared_bytes(const GuestPages& pages, const Pagemap& pagemap, const StoreMapping& mapping) {
  std::uint64_t own = 0;
  for (const PageRun& run : pagemap.populated(pages.bytes_of(mapping.pages))) {
    own += run.is_private() ? run.count : 0;
  }
  return PageCount{mapping.pages.count - own}.bytes();
}

}  // namespace samepage::dedup
