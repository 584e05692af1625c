// SPDX-License-Identifier: Apache-2.0
#include "dedup/agent/frame_copies.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>

namespace samepage::dedup {

std::vector<MergeCandidate> FrameCopies::read(int store, std::span<const wire::Grant> grants) {
  std::vector<MergeCandidate> candidates;
  std::size_t used = 0;
  for (const wire::Grant& grant : grants) {
    const auto copy = copies_.bytes().subspan(used);
    const std::size_t wanted = PageCount{grant.count}.bytes();
    if (wanted > copy.size()) break;
    const ssize_t got = ::pread(store, copy.data(), wanted, static_cast<off_t>(grant.frame.offset()));
    candidates.push_back({grant, copy.first(static_cast<std::size_t>(std::max<ssize_t>(got, 0)))});
    used += wanted;
  }
  return candidates;
}

void FrameCopies::forget() {
  ::madvise(copies_.data(), copies_.size(), MADV_DONTNEED);
}

}  // namespace samepage::dedup
