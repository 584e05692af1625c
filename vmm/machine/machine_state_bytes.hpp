// SPDX-License-Identifier: Apache-2.0
// A machine's state as bytes, for a file or another process: a frame with version, length and checksum around
// a content in CBOR whose fields have names. The kernel's structures are bytes in it, as the kernel has them.
//
//   "SMPGSTAT"  version (u32)  0 (u32)  bytes of content (u64)  XXH3 of the fields before it and the content
//   content: an object of the fields of MachineState
//
// All numbers of the frame are little-endian. A reader takes its own version and nothing else: whoever adds a
// field or changes one raises the version.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "vmm/machine/machine_state.hpp"

namespace samepage::vmm {

inline constexpr std::uint32_t machine_state_version = 1;

std::string bytes_of(const MachineState& state);

/// Throws UserError that says what is wrong with `bytes`. What it returns has the right form. Whether a
/// machine can go on from it is for that machine to say.
MachineState machine_state_of(std::string_view bytes);

/// The frame around any content: what bytes_of() ends with.
std::string framed_state(std::string_view content);

}  // namespace samepage::vmm
