// SPDX-License-Identifier: Apache-2.0
#include "vmm/process/guest_snapshot.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <functional>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

#include "base/check.hpp"
#include "base/file_figures.hpp"
#include "base/framing.hpp"
#include "vmm/process/guest_config_bytes.hpp"
#include "vmm/process/still_guest.hpp"
#include "vmm/snapshot/backed_memory.hpp"
#include "vmm/snapshot/memory_checksums.hpp"
#include "vmm/snapshot/snapshot_memory.hpp"
#include "vmm/snapshot/take_snapshot.hpp"
#include "vmm/snapshot/unchanged_pages.hpp"

namespace samepage::vmm {
namespace {

// The configuration of a guest that goes on from this moment: its files have to be what they are now, where
// what was written is beside them or nobody writes.
std::string config_with_files(const std::string& config, const GuestFiles& files) {
  GuestProcessConfig guest = guest_config_of(config);
  DeviceConfig& devices = guest.machine.devices;
  for (std::size_t i = 0; i < devices.disks.size(); ++i) {
    DiskConfig& disk = devices.disks[i];
    disk.expected.reset();
    if (disk.access != DiskAccess::read_write) disk.expected = files.disks[i]->as_it_is();
  }
  for (std::size_t i = 0; i < devices.pmems.size(); ++i) {
    PmemConfig& pmem = devices.pmems[i];
    pmem.expected.reset();
    if (pmem.access == PmemAccess::copied) pmem.expected = files.pmems[i]->as_it_is();
  }
  return bytes_of(guest);
}

// Leaves out those of its other files that no page is in; `left` are the places of the rest.
std::vector<std::size_t> drop_unused_files(Snapshot& snapshot) {
  std::vector<std::size_t> left;
  std::vector<std::uint32_t> numbers(snapshot.others.size() + 1);
  std::vector<OtherFile> others;
  for (const SnapshotRun& run : snapshot.runs) numbers.at(run.file) = 1;
  numbers[0] = 0;
  for (std::size_t i = 0; i < snapshot.others.size(); ++i) {
    if (numbers[i + 1] == 0) continue;
    left.push_back(i);
    others.push_back(std::move(snapshot.others[i]));
    numbers[i + 1] = static_cast<std::uint32_t>(others.size());
  }
  snapshot.others = std::move(others);
  for (SnapshotRun& run : snapshot.runs) run.file = numbers[run.file];
  return left;
}

nlohmann::json answer_of(const TakenSnapshot& taken) {
  return {{"ok", true}, {"held_us", taken.held_us}, {"pages", taken.pages}, {"pages_held", taken.pages_held}};
}

}  // namespace

TakenSnapshot GuestSnapshots::take(const ChooseTarget& choose, DeviceCopy& devices, OwnDisks own_disks) {
  const std::string own = own_disk_of(guest_config_of(config_).machine.devices);
  if (!own.empty() && own_disks == OwnDisks::refused) {
    throw UserError(fmt::format(
        "its disk {} is its own ('rw'), and what is on it would not be in the copy; make a copy of the disk "
        "while the guest is paused, and name that: 'samepage fork --disk', 'samepage snapshot "
        "--without-rw-disks' and then 'samepage restore --disk'",
        own));
  }
  const std::string config = config_with_files(config_, machine_.files());
  TakenSnapshot taken;
  while_still(machine_, agent_, [&](dedup::StillMemory& memory) {
    taken = take_snapshot(
        choose, {machine_, memory, devices, [this] { return page_map_of(machine_, agent_); }, config});
  });
  return taken;
}

bool GuestSnapshots::contains(const SnapshotId& id) const {
  const auto is_it = [&](const RestoredGuest::File& file) { return file.about.identity.id == id; };
  if (id == SnapshotId{}) return false;
  if (std::find(taken_.begin(), taken_.end(), id) != taken_.end()) return true;
  return restored_ != nullptr && std::any_of(restored_->files().begin(), restored_->files().end(), is_it);
}

// What a snapshot of this guest can be based on. Its own file and those that it names get the numbers that
// they have in the new one.
Snapshot GuestSnapshots::based_on(const BaseFiles& base) const {
  Snapshot read = read_snapshot(base.files.front());
  const std::string& name = base.paths.front();
  if (!contains(read.identity.id) || read.ram != dedup::pages_of(machine_.ram())) {
    throw UserError(
        fmt::format("{} is not a snapshot that this guest was restored from, or that was taken of "
                    "it; take a full one, without --incremental",
                    name));
  }
  if (read.others.size() + 1 != base.files.size() || base.paths.size() != base.files.size()) {
    throw UserError(fmt::format("{} is in other files than it names", name));
  }
  if (base.files.size() > most_other_files) {
    throw UserError(
        fmt::format("{} is the last of {} snapshots that are based on each other, and that is as "
                    "many as there can be; take a full one, without --incremental",
                    name, base.files.size()));
  }
  read.others.insert(read.others.begin(), {name, read.identity, snapshot_memory_offset});
  for (std::size_t i = 0; i < base.paths.size(); ++i) read.others[i].path = base.paths[i];
  for (SnapshotRun& run : read.runs) ++run.file;
  return read;
}

nlohmann::json GuestSnapshots::write(int file, OwnDisks own_disks, const BaseFiles& base) {
  const PageCount ram = dedup::pages_of(machine_.ram());
  std::vector<OtherFile> others;
  std::vector<MemoryFile> files;
  std::optional<SnapshotMemory> memory;
  if (!base.files.empty()) {
    Snapshot from = based_on(base);
    for (const int fd : base.files) files.push_back({fd, snapshot_memory_offset});
    memory.emplace(std::move(from.runs), files, ram, 1);
    others = std::move(from.others);
  }
  const MemoryFile own{file, snapshot_memory_offset};
  check(::ftruncate(file, static_cast<off_t>(own.offset + ram.bytes())), "ftruncate of the snapshot");
  DeviceCopy devices(machine_.files(), file, devices_offset(ram));
  TakenSnapshot taken = take(
      [&](std::span<const dedup::PageMapRun> map) {
        return SnapshotTarget{own, 0, 0, unchanged_in(files, 1, machine_.ram(), map),
                              memory ? &*memory : nullptr};
      },
      devices, own_disks);
  std::uint64_t end = 0;
  WrittenDevices written{1, 0, devices.into_file(end)};
  written.checksum = checksum_of(file, written.list);
  Snapshot& snapshot = taken.snapshot;
  snapshot.others = std::move(others);
  drop_unused_files(snapshot);
  snapshot.checksums = checksums_of(own, checksum_pieces(snapshot.runs), ram);
  snapshot.identity.id = new_snapshot_id();
  snapshot.devices = bytes_of(written);
  snapshot.devices_bytes = end - devices_offset(ram);
  write_snapshot(file, snapshot);
  taken_.push_back(snapshot.identity.id);
  return answer_of(taken);
}

nlohmann::json GuestSnapshots::fork(int socket, OwnDisks own_disks) {
  TakenSnapshot taken;
  std::vector<MemoryFile> inherited;
  if (restored_ != nullptr) inherited = restored_->memory_files();
  DeviceCopy devices(machine_.files(), -1, 0);
  bool begun = false;
  try {
    taken = take(
        [&](std::span<const dedup::PageMapRun> map) {
          std::vector<SnapshotRun> reused = forks_.begin(machine_.ram(), map, inherited);
          begun = true;
          return SnapshotTarget{{forks_.fd(), 0}, forks_.window(), ForkMemory::file, std::move(reused)};
        },
        devices, own_disks);
  } catch (...) {
    if (begun) forks_.failed();
    throw;
  }
  Snapshot& snapshot = taken.snapshot;
  forks_.done(snapshot.runs, taken.pages + taken.pages_held);
  std::vector<FrozenFile> written_files;
  WrittenDevices written{0, 0, devices.apart(written_files)};
  written.files = written_files.size();
  snapshot.devices = bytes_of(written);
  if (agent_ != nullptr) {
    UniqueFd memory = checked_fd(::fcntl(forks_.fd(), F_DUPFD_CLOEXEC, 0), "fcntl(F_DUPFD_CLOEXEC)");
    std::vector<SnapshotRun> copied = snapshot.runs;
    std::erase_if(copied, [this](const SnapshotRun& run) {
      return run.file != ForkMemory::file || run.window != forks_.window();
    });
    const std::vector<MemoryFile> files{{}, {memory.get(), 0}};
    std::vector<dedup::BackedRun> runs = backed_runs(copied, files, snapshot.ram);
    agent_->back(std::move(memory), std::move(runs));
  }
  send_clones(socket, snapshot);
  for (const FrozenFile& file : written_files) {
    static_cast<void>(send_message(socket, 0, std::string_view{}, std::array{file->get()}));
  }
  return answer_of(taken);
}

// What clones go on from, of which the guest's own memory is one file.
void GuestSnapshots::send_clones(int socket, Snapshot& snapshot) const {
  const UniqueFd own = forks_.for_clones();
  std::vector<int> memory{own.get()};
  snapshot.others = {OtherFile{}};
  if (restored_ != nullptr) {
    for (const RestoredGuest::File& file : restored_->files()) {
      memory.push_back(file.fd.get());
      snapshot.others.push_back(file.about);
    }
  }
  std::vector<int> sent{-1};
  for (const std::size_t place : drop_unused_files(snapshot)) sent.push_back(memory[place]);
  const UniqueFd description = checked_fd(::memfd_create("samepage-fork-state", MFD_CLOEXEC), "memfd_create");
  write_snapshot(description.get(), snapshot);
  sent.front() = description.get();
  // Whoever does not take it makes no clones.
  static_cast<void>(send_message(socket, 0, std::string_view{}, sent));
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
  if (restored_ != nullptr) {
    for (const RestoredGuest::File& file : restored_->files()) add(file.fd.get());
    for (const FrozenFile& file : restored_->written()) add(file->get());
  }
  add(forks_.fd());
  return files;
}

}  // namespace samepage::vmm
