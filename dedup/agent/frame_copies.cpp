// SPDX-License-Identifier: Apache-2.0
#include "dedup/agent/frame_copies.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>

namespace samepage::dedup {
std::vector<MergeCandidate> FrameCopies::read(const FrameFiles& files, std::span<const wire::Grant> grants) {
  return read_first<MergeCandidate>(grants, [&](const wire::Grant& grant) {
    return Piece{files.file_of(grant.frame), offset_in_file(grant.frame), PageCount{grant.count}.bytes()};
  });
}

std::vector<BackingCandidate> FrameCopies::read(std::span<const BackedRun> runs) {
  return read_first<BackingCandidate>(runs, [](const BackedRun& run) {
    return Piece{run.file, run.offset, PageCount{run.pages.count}.bytes()};
  });
}

template <typename Candidate, typename Item, typename PieceOf>
std::vector<Candidate> FrameCopies::read_first(std::span<const Item> items, PieceOf piece_of) {
  constexpr std::size_t most = most_at_once.value;  // none is empty
  std::vector<Piece> pieces;
  for (const Item& item : items.first(std::min(items.size(), most))) pieces.push_back(piece_of(item));
  std::vector<Candidate> candidates;
  for (const std::span<const std::byte> copy : read(pieces))
    candidates.push_back({items[candidates.size()], copy});
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
           pieces[end].offset == first.offset + bytes && bytes + pieces[end].bytes <= room.size()) {
      bytes += pieces[end++].bytes;
    }
    if (end == i) break;
    std::span<const std::byte> got = read(first.file, first.offset, room.first(bytes));
    for (; i < end; ++i) {
      const auto of_piece = got.first(std::min(got.size(), pieces[i].bytes));
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
