// SPDX-License-Identifier: Apache-2.0
// What a guest's pages were in the files that it goes on from, and in the last copy that its clones go on
// from. A page that was written and has become that again is mapped from there again: it needs no partner,
// and no daemon. Looking costs one read of a page for each file, once when the page has become quiet: as much
// as its digest.
//
// The agent's thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/file_figures.hpp"
#include "base/types.hpp"
#include "base/unique_fd.hpp"
#include "dedup/agent/backing.hpp"

namespace samepage::dedup {

class Origins {
 public:
  /// What the guest goes on from; the descriptors outlive this.
  void start(std::vector<BackedRun> runs) { start_ = std::move(runs); }
  /// A fork has copied these pages to `file`. Copies that are in the same file count where there is no newer
  /// one, those in another one do not any more.
  void forked(UniqueFd file, const FileFigures& figures, std::vector<BackedRun> runs);

  /// Where the page, whose bytes are at `memory`, is what it was: a run of this page alone. The newest copy
  /// first. A hint: who maps it compares again.
  [[nodiscard]] std::optional<BackedRun> same(PageIndex page, const std::byte* memory);

 private:
  [[nodiscard]] std::optional<BackedRun> same_in(const std::vector<BackedRun>& runs, PageIndex page,
                                                 const std::byte* memory);

  std::vector<BackedRun> start_;
  std::vector<BackedRun> fork_;
  UniqueFd fork_file_;
  FileFigures fork_figures_;
  std::array<std::byte, page_size> copy_{};
};

}  // namespace samepage::dedup
