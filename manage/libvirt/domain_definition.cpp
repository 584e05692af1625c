// SPDX-License-Identifier: Apache-2.0
#include "manage/libvirt/domain_definition.hpp"

#include "base/utf8.hpp"

namespace samepage::libvirt {

std::string disk_name(std::size_t index) {
  std::string letters;
  for (std::size_t rest = index + 1; rest > 0; rest = (rest - 1) / 26) {
    letters.insert(letters.begin(), static_cast<char>('a' + (rest - 1) % 26));
  }
  return "vd" + letters;
}

vmm::GuestProcessConfig guest_of(const DomainDefinition& definition) {
  vmm::GuestProcessConfig guest;
  guest.name = definition.name;
  guest.image = definition.kernel;
  vmm::MachineConfig& machine = guest.machine;
  machine.image = definition.kernel;
  machine.command_line = definition.command_line;
  machine.memory_bytes = definition.memory_kib * 1024;
  machine.cpus = definition.vcpus;
  machine.roms = definition.roms;
  machine.initrd = definition.initrd;
  machine.entry = definition.entry;
  for (const DiskDefinition& disk : definition.disks) machine.devices.disks.push_back(disk.config);
  for (const PmemDefinition& pmem : definition.pmems) machine.devices.pmems.push_back(pmem.config);
  machine.devices.nets = definition.nets;
  machine.devices.rng = definition.rng;
  machine.devices.balloon = definition.balloon;
  machine.devices.console = definition.virtio_console;
  guest.domain = definition.merge;
  guest.afterwards = vmm::Afterwards::recorded;
  return guest;
}

DomainDefinition definition_of(const vmm::GuestProcessConfig& guest) {
  const vmm::MachineConfig& machine = guest.machine;
  DomainDefinition definition;
  definition.name = guest.name;
  definition.memory_kib = definition.current_kib = machine.memory_bytes / 1024;
  definition.vcpus = machine.cpus;
  definition.kernel = utf8_text(machine.image);
  definition.initrd = utf8_text(machine.initrd);
  definition.command_line = utf8_text(machine.command_line);
  definition.entry = machine.entry;
  for (const vmm::RomConfig& rom : machine.roms) {
    definition.roms.push_back({utf8_text(rom.path), rom.address});
  }
  definition.merge = guest.domain;
  for (const vmm::DiskConfig& disk : machine.devices.disks) {
    definition.disks.push_back({{utf8_text(disk.path), disk.access}, disk_name(definition.disks.size())});
  }
  for (const vmm::PmemConfig& pmem : machine.devices.pmems) {
    definition.pmems.push_back({{utf8_text(pmem.path), pmem.access, pmem.address}, 0});
  }
  for (const vmm::NetConfig& net : machine.devices.nets) {
    definition.nets.push_back({utf8_text(net.tap), net.mac});
  }
  definition.rng = machine.devices.rng;
  definition.balloon = machine.devices.balloon;
  definition.virtio_console = machine.devices.console;
  return definition;
}

}  // namespace samepage::libvirt
