// SPDX-License-Identifier: Apache-2.0
// What a guest was started with, as it is told to others: nothing depends on the directory that its process
// is in, and what was left to chance is decided.
#pragma once

#include <string>

#include "vmm/process/guest_process.hpp"

namespace samepage::vmm {

/// `config` with the name that the guest got, absolute paths and a MAC address for each network device.
/// Throws std::system_error.
[[nodiscard]] GuestProcessConfig settled(GuestProcessConfig config, const std::string& name);

}  // namespace samepage::vmm
