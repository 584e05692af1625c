// SPDX-License-Identifier: Apache-2.0
// All virtio devices of one guest and what they are plugged into: a window of guest physical addresses and an
// interrupt for each, notifications by ioeventfd, interrupts by irqfd, one thread for the work of all. Built
// by the machine's thread.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "base/types.hpp"
#include "base/unique_fd.hpp"
#include "vmm/devices/device_gate.hpp"
#include "vmm/devices/mmio_bus.hpp"
#include "vmm/devices/virtio/device_config.hpp"
#include "vmm/devices/virtio/device_thread.hpp"
#include "vmm/kvm/vm.hpp"
#include "vmm/memory/device_ram.hpp"

namespace samepage::vmm {

/// Where a guest finds a device; for the tables that tell it.
struct VirtioPlace {
  Gpa address;
  std::uint64_t bytes = 0;
  std::uint32_t gsi = 0;
};

class VirtioBoard {
 public:
  /// Opens what is behind the devices. Throws UserError where that can't be used. The memory must outlive it.
  VirtioBoard(const DeviceConfig& config, const GuestMemory& memory);
  /// Ends the devices' thread.
  ~VirtioBoard();
  VirtioBoard(const VirtioBoard&) = delete;
  VirtioBoard& operator=(const VirtioBoard&) = delete;

  /// Shows the devices to the guest; once, before start().
  void plug_in(const Vm& vm, MmioBus& bus);
  [[nodiscard]] const std::vector<VirtioPlace>& places() const { return places_; }

  /// Starts the devices' thread; does nothing without devices.
  void start();
  /// Ends it and waits for it. The gate is closed for good.
  void stop();

  /// What holds the devices still.
  [[nodiscard]] DeviceGate& gate() { return gate_; }

 private:
  struct Slot;

  void add(std::unique_ptr<VirtioDevice> device);

  DeviceRam ram_;
  DeviceGate gate_;
  std::vector<std::unique_ptr<Slot>> slots_;
  std::vector<VirtioPlace> places_;
  DeviceThread thread_;
};

}  // namespace samepage::vmm
