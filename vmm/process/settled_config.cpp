// SPDX-License-Identifier: Apache-2.0
#include "vmm/process/settled_config.hpp"

#include <filesystem>

#include "vmm/devices/virtio/mac_address.hpp"

namespace samepage::vmm {
namespace {

// What stands before a '..' may be a link, so nothing is folded: only the kernel knows where it leads.
void make_absolute(std::string& path) {
  if (!path.empty()) path = std::filesystem::absolute(path).string();
}

}  // namespace

GuestProcessConfig settled(GuestProcessConfig config, const std::string& name) {
  config.name = name;
  MachineConfig& machine = config.machine;
  make_absolute(machine.image);
  make_absolute(machine.initrd);
  for (RomConfig& rom : machine.roms) make_absolute(rom.path);
  for (DiskConfig& disk : machine.devices.disks) make_absolute(disk.path);
  for (PmemConfig& pmem : machine.devices.pmems) make_absolute(pmem.path);
  for (NetConfig& net : machine.devices.nets) {
    if (!net.mac) net.mac = random_mac();
  }
  return config;
}

}  // namespace samepage::vmm
