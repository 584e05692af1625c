// SPDX-License-Identifier: Apache-2.0
// What a guest has used of its host: processors, disks, networks. A part of the answer to "stat".
#pragma once

#include "vmm/control/guest_figures.hpp"
#include "vmm/machine/machine.hpp"

namespace samepage::vmm {

/// Sets cpu_user_us and cpu_system_us (of the whole process), vcpus, disks and nets.
void add_usage(GuestFigures& figures, const Machine& machine);

}  // namespace samepage::vmm
