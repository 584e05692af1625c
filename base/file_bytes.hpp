// SPDX-License-Identifier: Apache-2.0
// Reads and writes all of some bytes at a place of a file: in as many calls as that takes, signals left out.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <span>

namespace samepage {

/// Like pread(2), to the end of `to`. Less where the file ends; -1 with errno when it fails.
[[nodiscard]] ssize_t read_fully(int fd, std::uint64_t offset, std::span<std::byte> to);
/// False, with errno, when not all of it could be written.
[[nodiscard]] bool write_fully(int fd, std::uint64_t offset, std::span<const std::byte> from);
/// The same. Throws std::system_error that begins with `what`.
void write_at(int fd, std::span<const std::byte> bytes, std::uint64_t offset, const char* what);

}  // namespace samepage
