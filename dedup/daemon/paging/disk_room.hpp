// SPDX-License-Identifier: Apache-2.0
// Room of a file on its disk: taken without holes, given back, on file systems of all kinds. Nothing throws:
// a disk that is full is nothing special. False comes with errno.
#pragma once

#include <cstdint>

namespace samepage::dedup {

/// Gives [offset, offset + size) of a file its room, where nothing is yet; the file becomes as long as that.
/// When that fails, the file has the length and the room that it had.
[[nodiscard]] bool allocate_or_undo(int fd, std::uint64_t offset, std::uint64_t size) noexcept;
/// Gives room back; the file keeps its length.
[[nodiscard]] bool punch_hole(int fd, std::uint64_t offset, std::uint64_t size) noexcept;
/// Like ftruncate(2), signals left out.
[[nodiscard]] bool set_length(int fd, std::uint64_t length) noexcept;

}  // namespace samepage::dedup
