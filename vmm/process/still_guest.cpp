// SPDX-License-Identifier: Apache-2.0
#include "vmm/process/still_guest.hpp"

#include "base/check.hpp"
#include "vmm/snapshot/own_memory.hpp"

namespace samepage::vmm {

// Without an agent the only files that RAM can be mapped from are those that the guest goes on from.
std::vector<dedup::PageMapRun> page_map_of(const Machine& machine, const dedup::Agent* agent) {
  if (agent != nullptr) return agent->page_map();
  // What lies in a file and was not written is the file's that the guest goes on from.
  return dedup::page_map(machine.ram(),
                         [](Gfn) { return dedup::KnownPage{.backed = true, .writes_are_seen = false}; });
}

void while_still(Machine& machine, dedup::Agent* agent, const std::function<void(dedup::StillMemory&)>& act) {
  if (agent == nullptr) {
    OwnMemory memory(machine.ram());
    act(memory);
  } else if (!agent->while_still(act)) {
    throw UserError("it is ending");
  }
}

}  // namespace samepage::vmm
