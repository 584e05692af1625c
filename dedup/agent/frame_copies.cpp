// SPDX-License-Identifier: Apache-2.0
#include "dedup/agent/frame_copies.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>

namespace samepage::dedup {

std::vector<MergeCandidate> FrameCopies::read(const FrameFiles& files, std::span<const wire::Grant> grants) {
  std::vector<MergeCandidate> candidates;
  std::size_t used = 0;
  for (const wire::Grant& grant : grants) {
    const auto copy = copies_.bytes().subspan(used);
    const std::size_t wanted = PageCount{grant.count}.bytes();
    if (wanted > copy.size()) break;
    candidates.push_back(
        {grant, read(files.file_of(grant.frame), offset_in_file(grant.frame), copy.first(wanted))});
    used += wanted;
  }
  return candidates;
}

std::vector<BackingCandidate> FrameCopies::read(std::span<const BackedRun> runs) {
  std::vector<BackingCandidate> candidates;
  std::size_t used = 0;
  for (const BackedRun& run : runs) {
    const auto copy = copies_.bytes().subspan(used);
    const std::size_t wanted = PageCount{run.pages.count}.bytes();
    if (wanted > copy.size()) break;
    candidates.push_back({run, read(run.file, run.offset, copy.first(wanted))});
    used += wanted;
  }
  return candidates;
}

// What could be read of it.
std::span<const std::byte> FrameCopies::read(int file, std::uint64_t offset, std::span<std::byte> to) {
  const ssize_t got = ::pread(file, to.data(), to.size(), static_cast<off_t>(offset));
  return to.first(static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
}

void FrameCopies::forget() {
  ::madvise(copies_.data(), copies_.size(), MADV_DONTNEED);
}

}  // namespace samepage::dedup
