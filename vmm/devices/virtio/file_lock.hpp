// SPDX-License-Identifier: Apache-2.0
// Keeps guests that share a host file from harming each other: who writes a disk has it alone, and who writes
// persistent memory together with others changes it for nobody who can't know.
#pragma once

#include <cstdint>

namespace samepage::vmm {

/// What a guest does with a file, and what it can bear from others.
enum class FileUse : std::uint8_t {
  unchanging,  // reads it; nobody may write it
  watching,    // reads it and sees what others write together
  together,    // writes it; others that do, or watch, may use it too
  alone,       // writes it; nobody else may use it; the descriptor must be open for writing
};

/// Locks the file until its open file description goes. False when another user is in the way; true also
/// where the file system knows no locks. Throws std::system_error.
[[nodiscard]] bool lock_file(int fd, FileUse use);

}  // namespace samepage::vmm
