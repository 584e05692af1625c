// SPDX-License-Identifier: Apache-2.0
// Starts a guest as `samepage run --detach` does, by a process of that command: so the guest is nobody's
// child here, and the caller may have threads.
#pragma once

#include <sys/types.h>

#include "vmm/process/guest_process.hpp"

namespace samepage::libvirt {

/// Returns the pid of its process once the guest runs. Throws a libvirt::Error with the command's own words
/// when it does not.
pid_t start_guest(const vmm::GuestProcessConfig& guest);

}  // namespace samepage::libvirt
