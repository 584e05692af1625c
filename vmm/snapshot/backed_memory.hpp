// SPDX-License-Identifier: Apache-2.0
// Maps a snapshot's file over a guest's RAM: its pages come when the guest touches them, the kernel copies
// one when the guest writes it, and all guests that go on from one file have one copy of the rest.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/types.hpp"
#include "vmm/memory/guest_memory.hpp"

namespace samepage::vmm {

/// Maps the pages `data` of RAM (in ascending order), page i from `offset` + i pages of `fd`, before anything
/// runs. Short holes between them are mapped too: a mapping costs more than they do. Returns all that is
/// mapped from the file now. Throws std::system_error.
std::vector<GfnRange> map_backing(const GuestMemory& memory, int fd, std::uint64_t offset,
                                  std::span<const PageRange> data);

/// The ranges that are mapped for `data`: joined where what lies between is short, and more so when there
/// would be too many. Pure.
std::vector<PageRange> backing_ranges(std::span<const PageRange> data);

}  // namespace samepage::vmm
