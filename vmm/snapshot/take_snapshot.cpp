// SPDX-License-Identifier: Apache-2.0
#include "vmm/snapshot/take_snapshot.hpp"

#include <unistd.h>

#include <chrono>

#include "base/check.hpp"
#include "vmm/machine/machine_state_bytes.hpp"
#include "vmm/snapshot/memory_copy.hpp"
#include "vmm/snapshot/snapshot_file.hpp"

namespace samepage::vmm {
namespace {

using Clock = std::chrono::steady_clock;

PageCount ram_of(const Machine& machine) {
  PageCount pages;
  for (const dedup::MemoryRegion& region : machine.ram()) pages += region.pages;
  return pages;
}

}  // namespace

TakenSnapshot take_snapshot(int fd, const SnapshotSource& source) {
  TakenSnapshot taken;
  Snapshot snapshot;
  snapshot.ram = ram_of(source.machine);
  snapshot.config = source.config;
  check(::ftruncate(fd, static_cast<off_t>(snapshot_memory_offset + snapshot.ram.bytes())),
        "ftruncate of the snapshot");
  MemoryCopy copy(source.machine.ram(), fd, snapshot_memory_offset);
  const bool watched = source.memory.watch();
  if (watched) copy.copy(source.page_map());
  taken.pages = copy.copied_pages();
  MachineState state;
  {
    const auto start = Clock::now();
    const AllHeld held(source.machine.gate());
    const bool told = watched && source.memory.written([&](const GfnRange& pages) { copy.copy(pages); });
    if (!told) copy.copy(source.page_map());
    state = source.machine.save(held);
    taken.held_us = static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - start).count());
  }
  taken.pages_held = copy.copied_pages() - taken.pages;
  snapshot.state = bytes_of(state);
  snapshot.data = copy.data();
  write_snapshot(fd, snapshot);
  taken.data = std::move(snapshot.data);
  return taken;
}

}  // namespace samepage::vmm
