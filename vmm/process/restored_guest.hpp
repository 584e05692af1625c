// SPDX-License-Identifier: Apache-2.0
// A guest that goes on from a snapshot or from another guest's fork.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/json.hpp"
#include "base/types.hpp"
#include "base/unique_fd.hpp"
#include "dedup/agent/agent.hpp"
#include "vmm/machine/machine.hpp"
#include "vmm/process/guest_process.hpp"
#include "vmm/snapshot/snapshot_file.hpp"
#include "vmm/snapshot/snapshot_pages.hpp"
#include "vmm/snapshot/written_device.hpp"

namespace samepage::vmm {

/// The path of a disk that only one guest can have, and that nobody can put back; empty: there is none.
[[nodiscard]] std::string own_disk_of(const DeviceConfig& devices);

/// The guest that goes on from a snapshot.
class RestoredGuest {
 public:
  /// Reads `source`; the state in it is made that of a guest with `config`. Throws UserError that says why it
  /// can't be used; std::system_error.
  RestoredGuest(SnapshotFiles source, const GuestProcessConfig& config);

  /// Puts its pages into the memory, once. Returns where they are, in files that are this value's.
  [[nodiscard]] dedup::Backing map_into(const GuestMemory& memory) const;
  [[nodiscard]] const MachineState& state() const { return state_; }
  /// Gives disks and persistent memory what was written to them; once, before the guest begins. Throws
  /// UserError, std::system_error.
  void write_devices(const GuestFiles& files) const;
  /// Puts the guest back to where it went on from. `agent` is null for a guest that shares nothing. Returns
  /// the answer for whoever asked. Where the host fails, so does the guest.
  [[nodiscard]] nlohmann::json roll_back(Machine& machine, dedup::Agent* agent) const;
  /// What its memory is mapped from, as a snapshot of it names these files.
  struct File {
    UniqueFd fd;
    OtherFile about;
  };
  [[nodiscard]] std::span<const File> files() const { return files_; }
  [[nodiscard]] std::vector<MemoryFile> memory_files() const;
  /// What its disks and persistent memory read from.
  [[nodiscard]] const std::vector<FrozenFile>& written() const { return written_; }

 private:
  [[nodiscard]] dedup::Backing backing() const;

  std::vector<File> files_;
  PageCount ram_;
  std::vector<SnapshotRun> runs_;  // the first of files_ has the number 0
  MachineState state_;
  WrittenDevices devices_;
  std::vector<FrozenFile> written_;  // the files of that
  std::string own_disk_;             // the path of one that can't be put back, if there is one
};

}  // namespace samepage::vmm
