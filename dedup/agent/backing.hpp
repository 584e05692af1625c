// SPDX-License-Identifier: Apache-2.0
// What a guest goes on from, where it was restored or forked: a file with the pages of its RAM, mapped
// privately. A page that the guest has not written since is the file's; the kernel copies it on a write. The
// file never changes, so nobody counts references to its pages.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/types.hpp"

namespace samepage::dedup {

/// Pages of RAM that lie in the file one behind the other.
struct BackedRun {
  PageRange pages;
  std::uint64_t offset = 0;  // of the first, in the file

  [[nodiscard]] std::uint64_t offset_of(PageIndex page) const {
    return offset + PageCount{page - pages.first}.bytes();
  }
};

struct Backing {
  int file = -1;                            // nobody changes these pages of it any more; the caller's
  std::vector<BackedRun> runs;              // in ascending order
  std::span<const std::byte> content = {};  // all of the file, mapped to read, for those who compare
};

}  // namespace samepage::dedup
