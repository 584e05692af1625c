// SPDX-License-Identifier: Apache-2.0
#include "manage/analyze/file_sets.hpp"

namespace samepage::analyze {

void FileSets::begin_file() {
  ++files_;
  next_.assign(nodes_.size(), empty);
}

std::vector<std::uint32_t> FileSets::files_of(Set set) const {
  std::vector<std::uint32_t> files;
  for (; set != empty; set = nodes_[set].rest) files.push_back(nodes_[set].file - 1);
  return files;
}

void FileSets::add(Set set) {
  nodes_.push_back({set, files_});
  next_[set] = static_cast<Set>(nodes_.size() - 1);
}

}  // namespace samepage::analyze
