// SPDX-License-Identifier: Apache-2.0
// What a guest is told at its entry, by each boot protocol: its memory, its command line, its initrd, where
// the ACPI tables are. Written before any vCPU runs.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/types.hpp"
#include "guest/abi.hpp"
#include "vmm/boot/image.hpp"
#include "vmm/memory/guest_memory.hpp"

namespace samepage::vmm {

/// Where an initrd (Multiboot: a module) lies in guest memory.
struct InitrdPlace {
  Gpa address;
  std::uint64_t bytes = 0;
};

struct BootInformation {
  ImageKind kind = ImageKind::bare;
  BootProtocol protocol = BootProtocol::pvh;
  std::vector<GfnRange> roms;
  std::string command_line;
  std::string image_name;  // the first word of a Multiboot command line
  std::optional<InitrdPlace> initrd;
  std::vector<std::byte> setup_header;  // a bzImage's; empty where there is none
};

/// What the guest is told of its address space: its RAM, and its ROMs as reserved. Unless it is a bare guest,
/// RAM has the ISA hole of every PC.
std::vector<abi::PvhMemoryRange> memory_map(std::span<const dedup::MemoryRegion> ram,
                                            std::span<const GfnRange> roms, ImageKind kind);

/// Writes it where registers of the protocol's entry point to.
void write_boot_information(const GuestMemory& memory, const BootInformation& information);

}  // namespace samepage::vmm
