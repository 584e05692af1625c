// SPDX-License-Identifier: Apache-2.0
#include "dedup/agent/frame_copies.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>

namespace samepage::dedup {
namespace {

constexpr std::size_t most_pieces = FrameCopies::most_at_once.value;  // none is empty

}  // namespace

std::vector<MergeCandidate> FrameCopies::read(const FrameFiles& files, std::span<const wire::Grant> grants) {
  std::vector<Piece> pieces;
  for (const wire::Grant& grant : grants.first(std::min(grants.size(), most_pieces)))
    pieces.push_back({files.file_of(grant.frame), offset_in_file(grant.frame), grant.count});
  std::vector<MergeCandidate> candidates;
  for (const std::span<const std::byte> bytes : read(pieces)) {
    const wire::Grant& grant = grants[candidates.size()];
    candidates.push_back({grant, bytes});
  }
  return candidates;
}

std::vector<BackingCandidate> FrameCopies::read(std::span<const BackedRun> runs) {
  std::vector<Piece> pieces;
  for (const BackedRun& run : runs.first(std::min(runs.size(), most_pieces)))
    pieces.push_back({run.file, run.offset, run.pages.count});
  std::vector<BackingCandidate> candidates;
  for (const std::span<const std::byte> bytes : read(pieces)) {
    const BackedRun& run = runs[candidates.size()];
    candidates.push_back({run, bytes});
  }
  return candidates;
}

// What pages far from each other are to have lies in a row more often than not: a donor's frames have
// numbers in the order of its pages.
std::vector<std::span<const std::byte>> FrameCopies::read(std::span<const Piece> pieces) {
  std::vector<std::span<const std::byte>> copies;
  std::span<std::byte> room = copies_.bytes();
  for (std::size_t i = 0; i < pieces.size();) {
    const Piece& first = pieces[i];
    std::size_t bytes = 0, end = i;
    while (end < pieces.size() && pieces[end].file == first.file &&
           pieces[end].offset == first.offset + bytes &&
           bytes + PageCount{pieces[end].pages}.bytes() <= room.size()) {
      bytes += PageCount{pieces[end++].pages}.bytes();
    }
    if (end == i) break;
    std::span<const std::byte> got = read(first.file, first.offset, room.first(bytes));
    for (; i < end; ++i) {
      const auto of_piece = got.first(std::min<std::size_t>(got.size(), PageCount{pieces[i].pages}.bytes()));
      copies.push_back(of_piece);
      got = got.subspan(of_piece.size());
    }
    room = room.subspan(bytes);
  }
  return copies;
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
