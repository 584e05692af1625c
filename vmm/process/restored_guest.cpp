// SPDX-License-Identifier: Apache-2.0
#include "vmm/process/restored_guest.hpp"

#include <fcntl.h>
#include <fmt/format.h>

#include <chrono>
#include <exception>
#include <memory>
#include <thread>
#include <utility>
#include <variant>

#include "base/check.hpp"
#include "dedup/agent/hold_priority.hpp"
#include "vmm/machine/machine_state_bytes.hpp"
#include "vmm/process/still_guest.hpp"
#include "vmm/snapshot/backed_memory.hpp"
#include "vmm/snapshot/own_memory.hpp"
#include "vmm/snapshot/pmem_copy.hpp"

namespace samepage::vmm {
namespace {

WrittenContent content_of(const WrittenDevice& device, const std::vector<FrozenFile>& files) {
  return {device.runs, files};
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

std::string own_disk_of(const DeviceConfig& devices) {
  for (const DiskConfig& disk : devices.disks) {
    if (disk.access == DiskAccess::read_write) return disk.path;
  }
  return {};
}

RestoredGuest::RestoredGuest(SnapshotFiles source, const GuestProcessConfig& config) {
  Snapshot read = read_snapshot(source.description.get());
  if (read.ram.bytes() != config.machine.memory_bytes) {
    throw UserError(fmt::format("it is of a guest with {} bytes of memory and not {}", read.ram.bytes(),
                                config.machine.memory_bytes));
  }
  if (read.others.size() != source.memory.size()) {
    throw UserError("its memory is in other files, and not all of them are there");
  }
  // Its own file has a place in any case, so that numbers are places.
  files_.push_back(
      {read.apart ? UniqueFd{} : std::move(source.description), {"", read.identity, snapshot_memory_offset}});
  for (std::size_t i = 0; i < source.memory.size(); ++i) {
    files_.push_back({std::move(source.memory[i]), read.others[i]});
  }
  ram_ = read.ram;
  runs_ = std::move(read.runs);
  state_ = machine_state_of(read.state);
  take_addresses(state_, config.machine.devices.nets);
  devices_ = written_devices_of(read.devices);
  WrittenPlace place{devices_.files, 0};
  if (!read.apart) place = {1, devices_offset(ram_), devices_offset(ram_) + read.devices_bytes};
  if (!makes_sense(devices_.list, place)) {
    throw UserError("it is damaged: its list of what was written to devices makes no sense");
  }
  if (!read.apart)
    source.written.push_back(checked_fd(::fcntl(files_.front().fd.get(), F_DUPFD_CLOEXEC, 0), "fcntl"));
  if (source.written.size() < devices_.files) throw UserError("what was written to its devices is missing");
  for (UniqueFd& file : source.written) written_.push_back(std::make_shared<const UniqueFd>(std::move(file)));
  own_disk_ = own_disk_of(config.machine.devices);
}

void RestoredGuest::write_devices(const GuestFiles& files) const {
  for (const WrittenDevice& device : devices_.list) {
    const std::uint64_t end = device.runs.empty() ? 0 : device.runs.back().end();
    const auto require = [&](bool fits) {
      if (!fits) throw UserError("what was written to its devices does not fit to those that it has here");
    };
    if (device.kind == WrittenDevice::Kind::disk) {
      require(device.number < files.disks.size());
      const DiskFile& disk = *files.disks[device.number];
      require(disk.overlay() != nullptr && end <= disk.sectors() * sector_bytes);
      disk.overlay()->begin_from(content_of(device, written_));
    } else {
      require(device.number < files.pmems.size());
      PmemFile& pmem = *files.pmems[device.number];
      require(pmem.access() == PmemAccess::copied && end <= pmem.bytes().size());
      pmem.begin_from(content_of(device, written_));
    }
  }
}

std::vector<MemoryFile> RestoredGuest::memory_files() const {
  std::vector<MemoryFile> files;
  for (const File& file : files_) files.push_back({file.fd.get(), file.about.offset});
  return files;
}

dedup::Backing RestoredGuest::map_into(const GuestMemory& memory) const {
  map_backing(memory, memory_files(), runs_);
  return backing();
}

dedup::Backing RestoredGuest::backing() const {
  return {backed_runs(runs_, memory_files(), ram_)};
}

nlohmann::json RestoredGuest::roll_back(Machine& machine, dedup::Agent* agent) const {
  if (!own_disk_.empty()) {
    throw UserError(fmt::format(
        "its disk {} can't be put back: what it writes goes to the file; give it as 'overlay' when you "
        "restore or fork the guest",
        own_disk_));
  }
  const auto start = std::chrono::steady_clock::now();
  std::uint64_t pages = 0;
  const GuestFiles files = machine.files();
  std::vector<DiskOverlay*> overlays;
  for (const DiskFile* disk : files.disks) {
    if (disk->overlay() != nullptr) overlays.push_back(disk->overlay());
  }
  for (DiskOverlay* overlay : overlays) overlay->prepare();
  const dedup::Backing began = backing();
  while_still(machine, agent, [&](dedup::StillMemory& memory) {
    // Where others want this processor they have it now, and not while the guest is held.
    std::this_thread::yield();
    const dedup::HoldPriority priority;
    const AllHeld held(machine.gate());
    try {
      pages = memory.put_back(began);
      for (DiskOverlay* overlay : overlays) overlay->put_back();
      for (const PmemFile* pmem : files.pmems) {
        if (pmem->access() != PmemAccess::copied) continue;
        const dedup::MemoryRegion region = region_of(*pmem);
        pages += OwnMemory({&region, 1}).put_back({});
      }
      machine.roll_back(held, state_);
    } catch (const std::exception& error) {
      machine.fail(fmt::format("it could not be rolled back: {}", error.what()));
      throw;
    }
  });
  const auto us =
      std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - start);
  return {{"ok", true}, {"pages", pages}, {"took_us", us.count()}};
}

}  // namespace samepage::vmm
