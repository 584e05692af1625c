// SPDX-License-Identifier: Apache-2.0
#include "vmm/process/guest_snapshot.hpp"

#include <fcntl.h>
#include <fmt/format.h>

#include <chrono>
#include <exception>
#include <functional>
#include <utility>
#include <variant>

#include "base/check.hpp"
#include "vmm/machine/machine_state_bytes.hpp"
#include "vmm/process/guest_config_bytes.hpp"
#include "vmm/snapshot/backed_memory.hpp"
#include "vmm/snapshot/own_memory.hpp"
#include "vmm/snapshot/snapshot_file.hpp"
#include "vmm/snapshot/take_snapshot.hpp"

namespace samepage::vmm {
namespace {

// What a second guest can't have as well.
void require_all_is_in_it(const DeviceConfig& devices) {
  for (const DiskConfig& disk : devices.disks) {
    if (disk.access == DiskAccess::read_only) continue;
    throw UserError(fmt::format(
        "its disk {} can be written, and what was written is not in a snapshot; give it 'ro' disks",
        disk.path));
  }
  for (const PmemConfig& pmem : devices.pmems) {
    if (pmem.access != PmemAccess::copied) continue;
    throw UserError(
        fmt::format("what it wrote to its own copy of {} is not in a snapshot; give it 'ro' or 'shared' "
                    "persistent memory",
                    pmem.path));
  }
}

// From here on nobody can change it. False for a file that others may write.
bool seal(int file) {
  return ::fcntl(file, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == 0;
}

std::vector<GfnRange> in_guest(const std::vector<PageRange>& pages,
                               const std::vector<dedup::MemoryRegion>& regions) {
  std::vector<GfnRange> ranges;
  for (PageRange rest : pages) {
    std::uint32_t first = 0;
    for (const dedup::MemoryRegion& region : regions) {
      const auto end = first + static_cast<std::uint32_t>(region.pages.value);
      if (!rest.empty() && rest.first.value < end) {
        const PageRange part = rest.take_front(end - rest.first.value);
        ranges.push_back({region.first + PageCount{part.first.value - first}, PageCount{part.count}});
      }
      first = end;
    }
  }
  return ranges;
}

TakenSnapshot take(int file, Machine& machine, dedup::Agent* agent, const std::string& config) {
  if (agent == nullptr) {
    OwnMemory memory(machine.ram());
    const auto known = [](Gfn) { return dedup::KnownPage{false, false, true}; };
    return take_snapshot(file,
                         {machine, memory, [&] { return dedup::page_map(machine.ram(), known); }, config});
  }
  TakenSnapshot taken;
  const bool done = agent->while_still([&](dedup::StillMemory& memory) {
    taken = take_snapshot(file, {machine, memory, [agent] { return agent->page_map(); }, config});
  });
  if (!done) throw UserError("it is ending");
  return taken;
}

// A device that others know by its address is another one in another guest.
void take_addresses(MachineState& state, const std::vector<NetConfig>& nets) {
  auto next = nets.begin();
  for (VirtioSlotState& slot : state.virtio) {
    auto* const net = std::get_if<NetState>(&slot.device);
    if (net == nullptr || next == nets.end()) continue;
    if (next->mac) net->mac = *next->mac;
    ++next;
  }
}

}  // namespace

nlohmann::json snapshot_guest(UniqueFd file, Machine& machine, dedup::Agent* agent,
                              const std::string& config) {
  require_all_is_in_it(guest_config_of(config).machine.devices);
  TakenSnapshot taken = take(file.get(), machine, agent, config);
  if (seal(file.get()) && agent != nullptr) {
    agent->back(std::move(file), snapshot_memory_offset, in_guest(taken.data, machine.ram()));
  }
  return {{"ok", true}, {"held_us", taken.held_us}, {"pages", taken.pages}, {"pages_held", taken.pages_held}};
}

RestoredGuest::RestoredGuest(UniqueFd snapshot, const GuestProcessConfig& config)
    : file_(std::move(snapshot)) {
  Snapshot read = read_snapshot(file_.get());
  if (read.ram.bytes() != config.machine.memory_bytes) {
    throw UserError(fmt::format("it is of a guest with {} bytes of memory and not {}", read.ram.bytes(),
                                config.machine.memory_bytes));
  }
  data_ = std::move(read.data);
  state_ = machine_state_of(read.state);
  take_addresses(state_, config.machine.devices.nets);
}

const std::vector<GfnRange>& RestoredGuest::map_into(const GuestMemory& memory) {
  mapped_ = map_backing(memory, file_.get(), snapshot_memory_offset, data_);
  return mapped_;
}

nlohmann::json RestoredGuest::roll_back(Machine& machine, dedup::Agent* agent) const {
  const auto start = std::chrono::steady_clock::now();
  std::uint64_t pages = 0;
  const dedup::Backing backing{file_.get(), snapshot_memory_offset, {}, backing_ranges(data_)};
  const auto put_back = [&](dedup::StillMemory& memory) {
    const AllHeld held(machine.gate());
    try {
      pages = memory.put_back(backing);
      machine.roll_back(held, state_);
    } catch (const std::exception& error) {
      machine.fail(fmt::format("it could not be rolled back: {}", error.what()));
      throw;
    }
  };
  if (agent == nullptr) {
    OwnMemory memory(machine.ram());
    put_back(memory);
  } else if (!agent->while_still(put_back)) {
    throw UserError("it is ending");
  }
  const auto us =
      std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - start);
  return {{"ok", true}, {"pages", pages}, {"took_us", us.count()}};
}

}  // namespace samepage::vmm
