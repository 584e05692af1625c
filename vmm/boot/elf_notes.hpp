// SPDX-License-Identifier: Apache-2.0
// Finds the PVH entry point among an ELF's notes, and whether they are a Linux kernel's. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <variant>

#include "base/types.hpp"

namespace samepage::vmm {

enum class NoteFault : std::uint8_t { truncated, none, bad_entry };

/// The entry that `notes`, the bytes of one PT_NOTE segment with that alignment, name.
std::variant<Gpa, NoteFault> find_pvh_entry(std::span<const std::byte> notes, std::uint64_t alignment);

/// True when one of them is Linux' own ("Linux", since 4.19) or tells Xen that it is Linux (GUEST_OS).
bool are_of_linux(std::span<const std::byte> notes, std::uint64_t alignment);

}  // namespace samepage::vmm
