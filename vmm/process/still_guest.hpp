// SPDX-License-Identifier: Apache-2.0
// A guest's memory for those who copy it or put it back, with an agent or without one.
#pragma once

#include <functional>
#include <vector>

#include "dedup/agent/agent.hpp"
#include "dedup/agent/page_map.hpp"
#include "vmm/machine/machine.hpp"

namespace samepage::vmm {

/// The guest's page map; `agent` is null for a guest that shares nothing.
[[nodiscard]] std::vector<dedup::PageMapRun> page_map_of(const Machine& machine, const dedup::Agent* agent);

/// Nobody replaces a page of the guest's while `act` is called. Throws UserError when the guest is ending,
/// and what `act` throws.
void while_still(Machine& machine, dedup::Agent* agent, const std::function<void(dedup::StillMemory&)>& act);

}  // namespace samepage::vmm
