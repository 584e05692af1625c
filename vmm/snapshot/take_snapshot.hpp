// SPDX-License-Identifier: Apache-2.0
// Copies a running guest, as it is at one moment. Most of its memory is copied while it runs; it
// is held for what it writes meanwhile, and for its state.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "base/types.hpp"
#include "dedup/agent/page_map.hpp"
#include "dedup/agent/still_memory.hpp"
#include "vmm/machine/machine.hpp"
#include "vmm/snapshot/device_copy.hpp"
#include "vmm/snapshot/snapshot_file.hpp"
#include "vmm/snapshot/snapshot_memory.hpp"
#include "vmm/snapshot/snapshot_pages.hpp"

namespace samepage::vmm {

struct SnapshotSource {
  Machine& machine;
  dedup::StillMemory& memory;
  DeviceCopy& devices;
  std::function<std::vector<dedup::PageMapRun>()> page_map;
  std::string config;  // of the guest, for whoever starts one from the snapshot
};

/// Where memory goes: a window of a file, which has holes there.
struct SnapshotTarget {
  MemoryFile to;
  std::uint32_t window = 0;
  std::uint32_t file = 0;                // its number; 0 is that of the snapshot's own
  std::vector<SnapshotRun> reused = {};  // pages that are unchanged in earlier windows, or in other files
  const SnapshotMemory* base = nullptr;  // what is the same in there is not copied either; must outlive it
};
/// Decides that, by the guest's page map; once.
using ChooseTarget = std::function<SnapshotTarget(std::span<const dedup::PageMapRun>)>;

struct TakenSnapshot {
  Snapshot snapshot;             // without checksums, and without the files that its runs name
  std::uint64_t held_us = 0;     // how long the guest was held
  std::uint64_t pages = 0;       // copied while it ran
  std::uint64_t pages_held = 0;  // copied while it was held
};

/// Copies the memory to where `choose` says; where this throws, what is there is of no use. Nothing else
/// replaces pages of the guest meanwhile (dedup::Agent::while_still). Throws UserError for a guest that can't
/// be saved, std::system_error where the host fails.
TakenSnapshot take_snapshot(const ChooseTarget& choose, const SnapshotSource& source);

}  // namespace samepage::vmm
