// SPDX-License-Identifier: Apache-2.0
// A guest as a snapshot, and a guest from one: what a guest's process does for `snapshot`, `fork` and
// `restore`. Called by the guest process's main thread.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/types.hpp"
#include "base/unique_fd.hpp"
#include "dedup/agent/agent.hpp"
#include "vmm/machine/machine.hpp"
#include "vmm/process/guest_process.hpp"

namespace samepage::vmm {

/// Writes the guest into `file`, an empty regular one. Where that is memory that can be sealed it is, and the
/// guest's own pages are mapped from it from then on, so that they are there once. `agent` is null for a
/// guest that shares nothing; `config` are its guest_config_bytes. Returns the answer for whoever asked.
/// Throws UserError and std::system_error.
[[nodiscard]] nlohmann::json snapshot_guest(UniqueFd file, Machine& machine, dedup::Agent* agent,
                                            const std::string& config);

/// The guest that goes on from a snapshot.
class RestoredGuest {
 public:
  /// Reads `snapshot`, the state in it made that of a guest with `config`. Throws UserError that says why it
  /// can't be used; std::system_error.
  RestoredGuest(UniqueFd snapshot, const GuestProcessConfig& config);

  /// Puts its pages into the memory, once. Returns where they are.
  const std::vector<GfnRange>& map_into(const GuestMemory& memory);
  [[nodiscard]] const MachineState& state() const { return state_; }
  /// Puts the guest back to where it went on from. `agent` is null for a guest that shares nothing. Returns
  /// the answer for whoever asked. Where the host fails, so does the guest.
  [[nodiscard]] nlohmann::json roll_back(Machine& machine, dedup::Agent* agent) const;

 private:
  UniqueFd file_;
  std::vector<PageRange> data_;
  std::vector<GfnRange> mapped_;
  MachineState state_;
};

}  // namespace samepage::vmm
