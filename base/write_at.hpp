// SPDX-License-Identifier: Apache-2.0
// Writes all of some bytes at a place of a file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace samepage {

/// Throws std::system_error that begins with `what`.
void write_at(int fd, std::span<const std::byte> bytes, std::uint64_t offset, const char* what);

}  // namespace samepage
