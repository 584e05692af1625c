// SPDX-License-Identifier: Apache-2.0
// What a domain is: what its XML says, as values. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "manage/libvirt/uuid.hpp"
#include "vmm/process/guest_process.hpp"

namespace samepage::libvirt {

struct DiskDefinition {
  vmm::DiskConfig config;
  std::string target;  // "vda": what statistics go by
};

struct PmemDefinition {
  vmm::PmemConfig config;
  std::uint64_t size_kib = 0;  // of its file, rounded up
  std::string model = "virtio-pmem";
};

struct DomainDefinition {
  std::string type = "samepage";
  std::string name;
  std::optional<Uuid> uuid;
  std::string title, description;
  std::string metadata;  // the element as it is; empty: there is none
  std::uint64_t memory_kib = 0;
  std::uint64_t current_kib = 0;  // less than that: a balloon takes the rest
  unsigned vcpus = 1;
  std::string kernel, initrd, command_line;
  vmm::EntryChoice entry = vmm::EntryChoice::automatic;
  std::vector<vmm::RomConfig> roms;
  vmm::DomainChoice merge;
  std::vector<DiskDefinition> disks;
  std::vector<PmemDefinition> pmems;
  std::vector<vmm::NetConfig> nets;
  bool rng = false;
  bool balloon = true;
  bool virtio_console = false;
};

/// "vda" for 0, "vdz" for 25, "vdaa" for 26.
[[nodiscard]] std::string disk_name(std::size_t index);

/// The guest that it describes, to be started detached.
[[nodiscard]] vmm::GuestProcessConfig guest_of(const DomainDefinition& definition);
/// The domain that a guest is. Text that XML can't carry is not quite what it was; sizes of files are 0.
[[nodiscard]] DomainDefinition definition_of(const vmm::GuestProcessConfig& guest);

}  // namespace samepage::libvirt
