// SPDX-License-Identifier: Apache-2.0
// Writes a running guest, as it is at one moment, into a file. Most of its memory is copied while it runs; it
// is held for what it writes meanwhile, and for its state.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/types.hpp"
#include "dedup/agent/page_map.hpp"
#include "dedup/agent/still_memory.hpp"
#include "vmm/machine/machine.hpp"

namespace samepage::vmm {

struct SnapshotSource {
  Machine& machine;
  dedup::StillMemory& memory;
  std::function<std::vector<dedup::PageMapRun>()> page_map;
  std::string config;  // of the guest, for whoever starts one from the snapshot
};

struct TakenSnapshot {
  std::vector<PageRange> data;   // pages that are in the file
  std::uint64_t held_us = 0;     // how long the guest was held
  std::uint64_t pages = 0;       // copied while it ran
  std::uint64_t pages_held = 0;  // copied while it was held
};

/// `fd` is an empty regular file; where this throws it is of no use. Nothing else replaces pages of the guest
/// meanwhile (dedup::Agent::while_still). Throws UserError for a guest that can't be saved, std::system_error
/// where the host fails.
TakenSnapshot take_snapshot(int fd, const SnapshotSource& source);

}  // namespace samepage::vmm
