// SPDX-License-Identifier: Apache-2.0
// Keeps guests that share a host file from harming each other: who writes a disk has it alone.
#pragma once

#include <cstdint>

namespace samepage::vmm {

enum class FileUse : std::uint8_t {
  shared,  // others may use the file too, but nobody alone
  alone,   // for writing: `fd` must be open for it
};

/// Locks the whole file until its open file description goes. False when another user is in the way; true
/// also where the file system knows no locks. Throws std::system_error.
[[nodiscard]] bool lock_file(int fd, FileUse use);

}  // namespace samepage::vmm
