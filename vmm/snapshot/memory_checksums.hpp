// SPDX-License-Identifier: Apache-2.0
// Checksums of the memory in a snapshot's own file: one for each piece, so that a part can be checked alone.
// They say that memory is what it was when it was written; they are no proof against somebody who changes the
// file on purpose.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "base/types.hpp"
#include "vmm/snapshot/snapshot_pages.hpp"

namespace samepage::vmm {

/// XXH3-128, as its canonical bytes.
using MemoryChecksum = std::array<std::uint8_t, 16>;

/// Pages that have one checksum, at most: a run is cut at the numbers of pages that this divides.
inline constexpr std::uint32_t checksum_pages = 64;

/// The pieces of `runs` that lie in file 0, in order: each has a checksum.
[[nodiscard]] std::vector<PageRange> checksum_pieces(std::span<const SnapshotRun> runs);

/// The checksums of these pieces in `file`. `pulse` is called with each piece's bytes before the next one is
/// read; may throw. Throws UserError when the file is shorter, std::system_error.
[[nodiscard]] std::vector<MemoryChecksum> checksums_of(const MemoryFile& file,
                                                       std::span<const PageRange> pieces, PageCount ram,
                                                       const std::function<void(std::uint64_t)>& pulse = {});

}  // namespace samepage::vmm
