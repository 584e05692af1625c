// SPDX-License-Identifier: Apache-2.0
#include "vmm/machine/chassis.hpp"

#include "base/process_memory.hpp"
#include "vmm/boot/requirements.hpp"

namespace samepage::vmm {
namespace {

std::uint64_t checked_memory_bytes(const MachineConfig& config) {
  require_memory_size(config.memory_bytes, host_memory("MemTotal"));
  return config.memory_bytes;
}

unsigned checked_cpus(const MachineConfig& config, const Kvm& kvm) {
  require_cpus(config.cpus, kvm.max_vcpus());
  return config.cpus;
}

}  // namespace

Chassis::Chassis(const MachineConfig& config)
    : memory(checked_memory_bytes(config)), gate(checked_cpus(config, kvm)) {}

}  // namespace samepage::vmm
