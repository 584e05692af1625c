// SPDX-License-Identifier: Apache-2.0
// For those who read much memory in order, a part of which may be out: has the kernel read at once what lies
// in files behind it, and does not wait for it. Where pages come back one at a time as they are used, a disk
// would be waited for as often.
#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <span>

namespace samepage {

/// What is a good part to ask for, and then to read.
constexpr std::size_t read_ahead_bytes = std::size_t{4} << 20U;

/// Whole pages. What can't be read ahead is read when it is used.
inline void read_ahead(std::span<const std::byte> memory) {
  // SAFETY: it changes nothing of the memory.
  ::madvise(const_cast<std::byte*>(memory.data()), memory.size(), MADV_WILLNEED);
}

}  // namespace samepage
