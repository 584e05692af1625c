// SPDX-License-Identifier: Apache-2.0
// Maps a snapshot's files over a guest's RAM: its pages come when the guest touches them, the kernel copies
// one when the guest writes it, and all guests that go on from a file have one copy of the rest.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "dedup/agent/backing.hpp"
#include "vmm/memory/guest_memory.hpp"
#include "vmm/snapshot/snapshot_pages.hpp"

namespace samepage::vmm {

/// Maps `runs` (in ascending order) from `files`, before anything runs. Throws UserError when a file is
/// shorter, std::system_error.
void map_backing(const GuestMemory& memory, std::span<const MemoryFile> files,
                 std::span<const SnapshotRun> runs);

/// The same runs as the agent knows them, of a guest with `ram`.
[[nodiscard]] std::vector<dedup::BackedRun> backed_runs(std::span<const SnapshotRun> runs,
                                                        std::span<const MemoryFile> files, PageCount ram);

}  // namespace samepage::vmm
