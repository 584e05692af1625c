// SPDX-License-Identifier: Apache-2.0
// What fstat(2) says of a file such as a memfd: its identity and how much memory it takes.
#pragma once

#include <cstdint>

namespace samepage {

struct FileFigures {
  std::uint64_t inode = 0;
  std::uint64_t device = 0;           // that the inode is of: st_dev
  std::uint64_t allocated_bytes = 0;  // st_blocks
};

/// Throws std::system_error.
FileFigures figures_of_file(int fd);

/// It was modified now: for those who look whether somebody works at a file that is not written for a while.
void touch(int fd);

}  // namespace samepage
