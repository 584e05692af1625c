// SPDX-License-Identifier: Apache-2.0
// All of a machine that is neither memory nor named by its configuration, as a plain value. Memory is the
// guest's RAM and the guest's own copy of persistent memory; an overlay's changed sectors belong to the disk
// (guest_files.hpp).
#pragma once

#include <cstdint>
#include <vector>

#include "vmm/devices/console.hpp"
#include "vmm/devices/firmware_config.hpp"
#include "vmm/devices/uart16550.hpp"
#include "vmm/devices/virtio/mmio_transport.hpp"
#include "vmm/kvm/vcpu_state.hpp"
#include "vmm/kvm/vm_state.hpp"
#include "vmm/machine/host_moment.hpp"

namespace samepage::vmm {

/// Of the ports that end a guest nothing is kept: a guest that has used one has ended.
struct PcBoardState {
  ConsoleState console;
  UartState uart;
  FirmwareConfigState firmware_config;

  bool operator==(const PcBoardState&) const = default;
};

struct VirtioSlotState {
  std::uint32_t id = 0;  // the kind of device: virtio 1.2, 5
  TransportState transport;
  DeviceState device;

  bool operator==(const VirtioSlotState&) const = default;
};

struct MachineState {
  std::uint64_t memory_bytes = 0;
  bool bare = false;  // the guest was written for Samepage (ImageKind::bare): it has less of a PC
  bool reset_on_triple_fault = false;
  HostMoment moment;
  PcBoardState pc;
  std::vector<VirtioSlotState> virtio;
  VmState vm;
  std::vector<VcpuState> vcpus;

  bool operator==(const MachineState&) const = default;
};

}  // namespace samepage::vmm
