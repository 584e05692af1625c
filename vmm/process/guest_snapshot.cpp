// SPDX-License-Identifier: Apache-2.0
#include "vmm/process/guest_snapshot.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <exception>
#include <functional>
#include <span>
#include <string_view>
#include <utility>
#include <variant>

#include "base/check.hpp"
#include "base/file_figures.hpp"
#include "base/framing.hpp"
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

// The runs of a file whose first window is at `offset`.
std::vector<dedup::BackedRun> backed_runs(std::span<const SnapshotRun> runs, std::uint64_t offset,
                                          PageCount ram) {
  std::vector<dedup::BackedRun> backed;
  backed.reserve(runs.size());
  for (const SnapshotRun& run : runs) {
    backed.push_back({run.pages, offset + offset_in_windows(run.pages.first, run.window, ram)});
  }
  return backed;
}

// Nobody replaces a page of the guest's while `act` is called.
void while_still(Machine& machine, dedup::Agent* agent, const std::function<void(dedup::StillMemory&)>& act) {
  if (agent == nullptr) {
    OwnMemory memory(machine.ram());
    act(memory);
  } else if (!agent->while_still(act)) {
    throw UserError("it is ending");
  }
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

nlohmann::json answer_of(const TakenSnapshot& taken) {
  return {{"ok", true}, {"held_us", taken.held_us}, {"pages", taken.pages}, {"pages_held", taken.pages_held}};
}

}  // namespace

// Without an agent the only file that RAM can be mapped from is the one that the guest goes on from.
std::vector<dedup::PageMapRun> page_map_of(const Machine& machine, const dedup::Agent* agent) {
  if (agent != nullptr) return agent->page_map();
  return dedup::page_map(machine.ram(), [](Gfn) { return dedup::KnownPage{false, false, true}; });
}

RestoredGuest::RestoredGuest(SnapshotFiles source, const GuestProcessConfig& config) {
  Snapshot read = read_snapshot(source.description.get());
  if (read.ram.bytes() != config.machine.memory_bytes) {
    throw UserError(fmt::format("it is of a guest with {} bytes of memory and not {}", read.ram.bytes(),
                                config.machine.memory_bytes));
  }
  if (read.apart && !source.memory) throw UserError("its memory is in another file, which is not there");
  memory_ = std::move(read.apart ? source.memory : source.description);
  offset_ = read.apart ? 0 : snapshot_memory_offset;
  ram_ = read.ram;
  runs_ = std::move(read.runs);
  state_ = machine_state_of(read.state);
  take_addresses(state_, config.machine.devices.nets);
}

std::vector<PageRange> RestoredGuest::map_into(const GuestMemory& memory) const {
  map_backing(memory, memory_.get(), offset_, runs_);
  std::vector<PageRange> pages;
  pages.reserve(runs_.size());
  for (const SnapshotRun& run : runs_) pages.push_back(run.pages);
  return pages;
}

nlohmann::json RestoredGuest::roll_back(Machine& machine, dedup::Agent* agent) const {
  const auto start = std::chrono::steady_clock::now();
  std::uint64_t pages = 0;
  const dedup::Backing backing{memory_.get(), backed_runs(runs_, offset_, ram_), {}};
  while_still(machine, agent, [&](dedup::StillMemory& memory) {
    const AllHeld held(machine.gate());
    try {
      pages = memory.put_back(backing);
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

TakenSnapshot GuestSnapshots::take(const ChooseTarget& choose) {
  require_all_is_in_it(guest_config_of(config_).machine.devices);
  TakenSnapshot taken;
  while_still(machine_, agent_, [&](dedup::StillMemory& memory) {
    taken =
        take_snapshot(choose, {machine_, memory, [this] { return page_map_of(machine_, agent_); }, config_});
  });
  return taken;
}

nlohmann::json GuestSnapshots::write(int file) {
  const PageCount ram = dedup::pages_of(machine_.ram());
  check(::ftruncate(file, static_cast<off_t>(snapshot_memory_offset + ram.bytes())),
        "ftruncate of the snapshot");
  const TakenSnapshot taken = take([file](std::span<const dedup::PageMapRun>) {
    return SnapshotTarget{file, snapshot_memory_offset, 0, false, {}};
  });
  write_snapshot(file, taken.snapshot);
  return answer_of(taken);
}

nlohmann::json GuestSnapshots::fork(int socket) {
  TakenSnapshot taken;
  bool begun = false;
  try {
    taken = take([&](std::span<const dedup::PageMapRun> map) {
      std::vector<SnapshotRun> reused = forks_.begin(machine_.ram(), map);
      begun = true;
      return SnapshotTarget{forks_.fd(), 0, forks_.window(), true, std::move(reused)};
    });
  } catch (...) {
    if (begun) forks_.failed();
    throw;
  }
  forks_.done(taken.snapshot.runs, taken.pages + taken.pages_held);
  const UniqueFd description = checked_fd(::memfd_create("samepage-fork-state", MFD_CLOEXEC), "memfd_create");
  write_snapshot(description.get(), taken.snapshot);
  if (agent_ != nullptr) {
    UniqueFd memory = checked_fd(::fcntl(forks_.fd(), F_DUPFD_CLOEXEC, 0), "fcntl(F_DUPFD_CLOEXEC)");
    std::vector<SnapshotRun> copied = taken.snapshot.runs;
    std::erase_if(copied, [this](const SnapshotRun& run) { return run.window != forks_.window(); });
    agent_->back(std::move(memory), backed_runs(copied, 0, taken.snapshot.ram));
  }
  const UniqueFd memory = forks_.for_clones();
  // Whoever does not take it makes no clones.
  static_cast<void>(send_frame(socket, 0, std::string_view{}, std::array{description.get(), memory.get()}));
  return answer_of(taken);
}

nlohmann::json GuestSnapshots::roll_back() {
  if (restored_ == nullptr) {
    throw UserError("it was not forked or restored, so there is nothing to put it back to");
  }
  return restored_->roll_back(machine_, agent_);
}

nlohmann::json GuestSnapshots::backing_files() const {
  nlohmann::json files = nlohmann::json::array();
  const auto add = [&](int fd) {
    // What is on a disk has no memory that the host could not take back.
    if (fd < 0 || ::fcntl(fd, F_GET_SEALS) < 0) return;
    const FileFigures file = figures_of_file(fd);
    files.push_back({{"inode", file.inode}, {"allocated_bytes", file.allocated_bytes}});
  };
  if (restored_ != nullptr) add(restored_->memory());
  add(forks_.fd());
  return files;
}

}  // namespace samepage::vmm
