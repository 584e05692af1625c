// SPDX-License-Identifier: Apache-2.0
// What a guest's process is told, as bytes for that process: CBOR, since a path or a command line may be no
// UTF-8, which JSON's text must be. Whoever starts a guest writes them; the guest answers "config" and
// "watch" with them. Nobody keeps them. Pure.
#pragma once

#include <string>

#include "vmm/process/guest_process.hpp"

namespace samepage::vmm {

std::string bytes_of(const GuestProcessConfig& config);
/// The reverse. Throws UserError for bytes of another version, and for any others.
GuestProcessConfig guest_config_of(const std::string& bytes);

}  // namespace samepage::vmm
