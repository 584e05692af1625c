// SPDX-License-Identifier: Apache-2.0
// What a guest goes on from, where it was restored or forked: files with the pages of its RAM, mapped
// privately. A page that the guest has not written since is its file's; the kernel copies it on a write. The
// files never change, so nobody counts references to their pages.
#pragma once

#include <cstdint>
#include <vector>

#include "base/types.hpp"

namespace samepage::dedup {

/// Pages of RAM that lie in a file one behind the other.
struct BackedRun {
  PageRange pages;
  std::uint64_t offset = 0;  // of the first, in the file
  int file = -1;             // nobody changes these pages of it any more; the caller's

  [[nodiscard]] constexpr std::uint64_t offset_of(PageIndex page) const {
    return offset + PageCount{page - pages.first}.bytes();
  }
};

/// Whether `next` lies behind `run`, in RAM and in the file.
constexpr bool continues(const BackedRun& run, const BackedRun& next) {
  return next.file == run.file && next.pages.first == run.pages.end() &&
         next.offset == run.offset + PageCount{run.pages.count}.bytes();
}

// For laid_over() (base/laid_over.hpp).
constexpr PageIndex first_of(const BackedRun& run) {
  return run.pages.first;
}
constexpr PageIndex end_of(const BackedRun& run) {
  return run.pages.end();
}
constexpr void extend_to(BackedRun& run, PageIndex end) {
  run.pages.count = end - run.pages.first;
}
constexpr BackedRun part_of(const BackedRun& run, PageIndex first, PageIndex end) {
  return {pages_between(first, end), run.offset_of(first), run.file};
}

struct Backing {
  std::vector<BackedRun> runs;  // in ascending order
};

}  // namespace samepage::dedup
