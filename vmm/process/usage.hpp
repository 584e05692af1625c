// SPDX-License-Identifier: Apache-2.0
// What a guest has used of its host: processors, disks, networks. A part of the answer to "stat".
#pragma once

#include <nlohmann/json.hpp>

#include "vmm/machine/machine.hpp"

namespace samepage::vmm {

/// Adds "cpu_user_us" and "cpu_system_us" (of the whole process), "vcpus", "disks" and "nets".
void add_usage(nlohmann::json& body, const Machine& machine);

}  // namespace samepage::vmm
