// SPDX-License-Identifier: Apache-2.0
// Copies of granted frames, made before a guest is held, so that comparing its pages waits for nothing.
// Reading is cheaper than mapping what is compared once: no page fault for each sixteen frames, no table
// entries to be dropped, and the copy is in the processor's cache when it is compared. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/mapping.hpp"
#include "base/types.hpp"
#include "dedup/agent/backing.hpp"
#include "dedup/agent/frame_files.hpp"
#include "dedup/protocol.hpp"

namespace samepage::dedup {

/// A grant and the bytes of its frames: of fewer than are granted when the store does not have them all.
struct MergeCandidate {
  wire::Grant grant;
  std::span<const std::byte> frames;
};

/// The same for pages of a file that a guest goes on from.
struct BackingCandidate {
  BackedRun run;
  std::span<const std::byte> content;
};

class FrameCopies {
 public:
  /// No grant that is to be read may be longer.
  static constexpr PageCount most_at_once{256};

  /// Copies the frames of the first of `grants` from their files, as many as there is room
  /// for, at least one grant's. They are there until the next call or forget().
  [[nodiscard]] std::vector<MergeCandidate> read(const FrameFiles& files,
                                                 std::span<const wire::Grant> grants);
  /// The same of what guests go on from.
  [[nodiscard]] std::vector<BackingCandidate> read(std::span<const BackedRun> runs);
  /// Gives the copies' memory back.
  void forget();

 private:
  struct Piece {
    int file;
    std::uint64_t offset;
    std::size_t bytes;
  };
  template <typename Candidate, typename Item, typename PieceOf>
  [[nodiscard]] std::vector<Candidate> read_first(std::span<const Item> items, PieceOf piece_of);
  /// Copies of the first of the pieces, as many as there is room for.
  [[nodiscard]] std::vector<std::span<const std::byte>> read(std::span<const Piece> pieces);
  [[nodiscard]] std::span<const std::byte> read(int file, std::uint64_t offset, std::span<std::byte> to);

  Mapping copies_ = Mapping::anonymous(most_at_once.bytes());
};

}  // namespace samepage::dedup
