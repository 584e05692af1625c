// SPDX-License-Identifier: Apache-2.0
// What a machine is made of. Plain values.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/types.hpp"
#include "vmm/boot/entry_choice.hpp"
#include "vmm/devices/virtio/device_config.hpp"

namespace samepage::vmm {

/// A host file that the guest sees, read-only, at a guest physical address outside its RAM.
struct RomConfig {
  std::string path;
  Gpa address;  // page-aligned
};

struct MachineConfig {
  std::string image;         // path of a PVH ELF, a Linux kernel or a Multiboot ELF
  std::string command_line;  // for the guest
  std::uint64_t memory_bytes = 64U << 20;
  unsigned cpus = 1;
  std::vector<RomConfig> roms;
  DeviceConfig devices;
  std::string initrd = {};  // path of a file for the guest's memory; empty: none
  EntryChoice entry = EntryChoice::automatic;
};

}  // namespace samepage::vmm
