// SPDX-License-Identifier: Apache-2.0
// Keeps what a guest has written in a few files that are mostly used, however often it is copied.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/unique_fd.hpp"
#include "vmm/devices/virtio/disk_overlay.hpp"

namespace samepage::vmm {

/// No content is in more files.
inline constexpr std::size_t most_written_files = 6;

/// Which of the files are to become one, by how many bytes of each are used: the smallest ones, as many as
/// half of those there may be, when there are too many. So bytes are seldom copied twice. Pure.
[[nodiscard]] std::vector<bool> files_to_join(const std::vector<std::uint64_t>& used);

/// The same content without files that are not used, and in no more than most_written_files; what has to be
/// copied for that goes to a new one. Throws UserError, std::system_error.
[[nodiscard]] WrittenContent compact(WrittenContent content);

/// Copies one range of a file into another. Throws std::system_error, also when `from` is too short.
void copy_bytes(int from, std::uint64_t from_offset, int to, std::uint64_t to_offset, std::uint64_t count);

}  // namespace samepage::vmm
