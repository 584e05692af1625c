// SPDX-License-Identifier: Apache-2.0
// What clones of a running guest are started with, for all commands that fork guests.
#pragma once

#include <cstdint>
#include <string>

#include "base/json.hpp"
#include "vmm/process/guest_process.hpp"
#include "vmm/snapshot/snapshot_file.hpp"

namespace samepage::cli {

struct GuestFork {
  vmm::SnapshotFiles from;
  vmm::Snapshot snapshot;
  nlohmann::json about;  // what the guest says: how long it was held, and for how much
};

/// Whether its clones get other files in place of its 'rw' disks: else it is not forked when it has some.
enum class OwnDisks : std::uint8_t { kept, replaced };

/// Forks the guest `name`, which goes on. Throws UserError.
[[nodiscard]] GuestFork fork_now(const std::string& name, OwnDisks disks = OwnDisks::kept);

/// The configuration of a guest that goes on from `snapshot`: like the one it was taken from, but for what
/// there can be only one of. `name` may be empty.
[[nodiscard]] vmm::GuestProcessConfig config_of_clone(const vmm::Snapshot& snapshot, const std::string& name);

}  // namespace samepage::cli
