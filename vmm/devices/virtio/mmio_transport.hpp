// SPDX-License-Identifier: Apache-2.0
// The registers of a virtio device over MMIO, version 2 (virtio 1.2, 4.2.2). Called on vCPU threads; what the
// driver notifies of is done on the devices' thread, which a descriptor wakes.
#pragma once

#include <atomic>
#include <functional>

#include "vmm/devices/mmio_bus.hpp"
#include "vmm/devices/virtio/virtio_device.hpp"

namespace samepage::vmm {

/// A device as its driver knows it, without what is its kind's own.
struct TransportState {
  std::uint32_t device_features_half = 0;
  std::uint32_t driver_features_half = 0;
  std::uint32_t queue = 0;
  VirtioRegisters registers;

  bool operator==(const TransportState&) const = default;
};

class MmioTransport final : public MmioDevice {
 public:
  static constexpr std::uint64_t bytes = 0x1000;
  /// Of the register that the driver writes 4 bytes to, to notify: for an ioeventfd.
  static constexpr std::uint64_t notify_offset = 0x50;

  /// `raise` signals the interrupt, `wake` the devices' thread; neither may block. All must outlive this.
  MmioTransport(VirtioDevice& device, const GuestRam& ram, DeviceGate& gate, std::function<void()> raise,
                std::function<void()> wake);

  void write(std::uint64_t offset, std::span<const std::byte> data) override;
  void read(std::uint64_t offset, std::span<std::byte> data) override;

  [[nodiscard]] VirtioDevice& device() const { return device_; }
  [[nodiscard]] VirtioState& state() { return state_; }
  /// On the devices' thread: does what there is to do.
  void serve() { device_.serve(state_); }

  // While the guest is held.
  [[nodiscard]] TransportState save() const;
  /// VirtioState::restore().
  [[nodiscard]] std::optional<std::string_view> restore(const TransportState& state);

 private:
  [[nodiscard]] std::uint32_t read_register(std::uint64_t offset) const;
  void write_register(std::uint64_t offset, std::uint32_t value);
  void write_queue_register(std::uint64_t offset, std::uint32_t value);

  VirtioDevice& device_;
  VirtioState state_;
  std::function<void()> wake_;
  // Selectors: two vCPUs that use them at once confuse only their own guest.
  std::atomic<std::uint32_t> device_features_half_ = 0;
  std::atomic<std::uint32_t> driver_features_half_ = 0;
  std::atomic<std::uint32_t> queue_ = 0;
};

}  // namespace samepage::vmm
