// SPDX-License-Identifier: Apache-2.0
// A guest as a snapshot, and a guest from one: what a guest's process does for `snapshot`, `fork`, `restore`
// and `rollback`. Called by the guest process's main thread.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/json.hpp"
#include "base/types.hpp"
#include "base/unique_fd.hpp"
#include "dedup/agent/agent.hpp"
#include "dedup/agent/page_map.hpp"
#include "vmm/machine/machine.hpp"
#include "vmm/process/restored_guest.hpp"
#include "vmm/snapshot/fork_memory.hpp"
#include "vmm/snapshot/snapshot_file.hpp"
#include "vmm/snapshot/snapshot_pages.hpp"
#include "vmm/snapshot/take_snapshot.hpp"
#include "vmm/snapshot/written_device.hpp"

namespace samepage::vmm {

/// What becomes of disks that a guest writes itself (DiskAccess::read_write), whose content is in no copy.
enum class OwnDisks : std::uint8_t {
  refused,    // such a guest is not copied
  named_anew  // whoever goes on from the copy names other files
};

/// A snapshot that another one is to be based on, as whoever asks for that names it: its own file, then the
/// others that it names.
struct BaseFiles {
  std::vector<int> files;          // the caller's
  std::vector<std::string> paths;  // as many
};

/// What is asked of a running guest. `agent` is null for a guest that shares nothing, `restored` for one that
/// began; `config` are its guest_config_bytes. All must outlive this. All throw UserError for a guest that
/// can't be copied, std::system_error where the host fails.
class GuestSnapshots {
 public:
  GuestSnapshots(Machine& machine, dedup::Agent* agent, const std::string& config,
                 const RestoredGuest* restored)
      : machine_(machine), agent_(agent), config_(config), restored_(restored) {}

  /// Writes the guest into an empty regular file; with a base, only what is not the same there. Returns the
  /// answer for whoever asked.
  [[nodiscard]] nlohmann::json write(int file, OwnDisks own_disks, const BaseFiles& base = {});
  /// Sends what clones go on from through `socket`: SnapshotFiles, description and memory in one message,
  /// then the others. The guest's own pages are mapped from there too, soon.
  [[nodiscard]] nlohmann::json fork(int socket, OwnDisks own_disks);
  [[nodiscard]] nlohmann::json roll_back();
  /// The files in memory that pages are mapped from: {"inode", "allocated_bytes"} of each.
  [[nodiscard]] nlohmann::json backing_files() const;

 private:
  [[nodiscard]] TakenSnapshot take(const ChooseTarget& choose, DeviceCopy& devices, OwnDisks own_disks);
  [[nodiscard]] Snapshot based_on(const BaseFiles& base) const;
  [[nodiscard]] bool contains(const SnapshotId& id) const;
  void send_clones(int socket, Snapshot& snapshot) const;

  Machine& machine_;
  dedup::Agent* agent_;
  const std::string& config_;
  const RestoredGuest* restored_;
  ForkMemory forks_;
  std::vector<SnapshotId> taken_;  // of this guest
};

}  // namespace samepage::vmm
