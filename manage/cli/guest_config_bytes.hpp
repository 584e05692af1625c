// SPDX-License-Identifier: Apache-2.0
// What a guest's process is told, as bytes for that process: CBOR, since a path or a command line may be no
// UTF-8, which JSON's text must be. Both ends are the same program, and nobody keeps such bytes. Pure.
#pragma once

#include <string>

#include "vmm/process/guest_process.hpp"

namespace samepage::cli {

std::string bytes_of(const vmm::GuestProcessConfig& config);
/// The reverse. Throws UserError for any others.
vmm::GuestProcessConfig guest_config_of(const std::string& bytes);

}  // namespace samepage::cli
