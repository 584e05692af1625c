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

struct Backing {
  int file = -1;                            // sealed, or nobody's to write; the caller's
  std::uint64_t offset = 0;                 // where page 0 of the guest's RAM is in it
  std::span<const std::byte> content = {};  // the file's pages from there on, mapped to read
  std::vector<PageRange> pages;             // those that are in it, in ascending order
};

}  // namespace samepage::dedup
