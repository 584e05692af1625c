// SPDX-License-Identifier: Apache-2.0
// How a Linux kernel was told to reset its machine. Pure. Documentation/admin-guide/kernel-parameters.txt,
// reboot=.
#pragma once

#include <string_view>

namespace samepage::vmm {

/// True when `command_line` has a reboot= that names the triple fault ("reboot=t", "reboot=warm,triple").
bool reboots_by_triple_fault(std::string_view command_line);

}  // namespace samepage::vmm
