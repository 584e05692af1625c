// SPDX-License-Identifier: Apache-2.0
#include "vmm/snapshot/take_snapshot.hpp"

#include <chrono>
#include <optional>
#include <thread>

#include "dedup/agent/hold_priority.hpp"
#include "vmm/machine/machine_state_bytes.hpp"
#include "vmm/snapshot/memory_copy.hpp"

namespace samepage::vmm {
namespace {

using Clock = std::chrono::steady_clock;

}  // namespace

TakenSnapshot take_snapshot(const ChooseTarget& choose, const SnapshotSource& source) {
  TakenSnapshot taken;
  Machine& machine = source.machine;
  std::optional<MemoryCopy> copy;
  const SnapshotMemory* base = nullptr;
  const auto copy_all = [&] {
    const std::vector<dedup::PageMapRun> map = source.page_map();
    const SnapshotTarget target = choose(map);
    taken.snapshot.apart = target.file != 0;
    base = target.base;
    copy.emplace(machine.ram(), target.to, target.window, target.file);
    copy->reuse(target.reused);
    if (base != nullptr) copy->reuse_equal(map, *base);
    copy->copy(map);
  };
  source.devices.copy_running();
  if (source.memory.watch()) {
    copy_all();
    taken.pages = copy->copied_pages();
  }
  MachineState state;
  {
    // Where others want this processor they have it now, and not while the guest is held.
    std::this_thread::yield();
    const auto start = Clock::now();
    const dedup::HoldPriority priority;
    const AllHeld held(machine.gate());
    if (copy) {
      const bool told = source.memory.written([&](const GfnRange& pages) { copy->copy(pages); });
      if (!told) {
        for (const dedup::MemoryRegion& region : machine.ram()) copy->copy({region.first, region.pages});
      }
    } else {
      copy_all();
    }
    source.devices.copy_held();
    state = machine.save(held);
    taken.held_us = static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - start).count());
  }
  taken.pages_held = copy->copied_pages() - taken.pages;
  if (base != nullptr) copy->gather(*base);
  taken.pages = copy->copied_pages() - taken.pages_held;
  taken.snapshot.ram = dedup::pages_of(machine.ram());
  taken.snapshot.config = source.config;
  taken.snapshot.state = bytes_of(state);
  taken.snapshot.runs = copy->runs();
  return taken;
}

}  // namespace samepage::vmm
