// SPDX-License-Identifier: Apache-2.0
#include "dedup/agent/lost_stores.hpp"

#include "base/file_figures.hpp"

namespace samepage::dedup {

std::vector<StoreFigure> LostStores::look(const GuestPages& pages, const Pagemap& pagemap,
                                          std::span<const StoreMapping> mappings) {
  std::vector<StoreFigure> figures;
  std::erase_if(stores_, [&](const UniqueFd& store) {
    const FileFigures file = figures_of_file(store.get());
    StoreFigure figure{file.inode, file.allocated_bytes, 0};
    bool mapped = false;
    for (const StoreMapping& mapping : mappings) {
      if (mapping.inode != file.inode) continue;
      mapped = true;
      figure.mapped_bytes += shared_bytes(pages, pagemap, mapping);
    }
    if (mapped) figures.push_back(figure);
    return !mapped;
  });
  return figures;
}

}  // namespace samepage::dedup
