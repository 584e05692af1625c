// SPDX-License-Identifier: Apache-2.0
// What a virtio device is, apart from its registers and queues: an identity, a configuration space, and work
// to do when its driver has offered something or its host side has.
#pragma once

#include <cstdint>
#include <span>

#include "vmm/devices/virtio/device_state.hpp"
#include "vmm/devices/virtio/virtio_state.hpp"

namespace samepage::vmm {

/// A feature, by its number in the standard (virtio 1.2, "Feature Bits"), in a mask of features.
constexpr std::uint64_t feature_bit(unsigned number) {
  return std::uint64_t{1} << number;
}

class VirtioDevice {
 public:
  VirtioDevice() = default;
  virtual ~VirtioDevice() = default;
  VirtioDevice(const VirtioDevice&) = delete;
  VirtioDevice& operator=(const VirtioDevice&) = delete;

  /// virtio 1.2, 5.
  [[nodiscard]] virtual std::uint32_t id() const = 0;
  /// Its own features; those of all devices are added.
  [[nodiscard]] virtual std::uint64_t features() const { return 0; }
  /// The largest size of each of its queues.
  [[nodiscard]] virtual std::span<const std::uint16_t> queue_sizes() const = 0;

  // On vCPU threads, which must not wait (vmm/devices/mmio_bus.hpp). `data` may reach beyond the
  // configuration: that part reads as zeros.
  virtual void read_config(std::uint64_t /*offset*/, std::span<std::byte> /*data*/) const {}
  virtual void write_config(std::uint64_t /*offset*/, std::span<const std::byte> /*data*/) {}

  // On the devices' thread.
  /// Does all there is to do: chains that the driver offers, and input of the host.
  virtual void serve(VirtioState& state) = 0;
  /// A descriptor whose input makes serve() useful; -1: none at the moment.
  [[nodiscard]] virtual int host_input() const { return -1; }

  // While the guest is held; the devices' thread may be at work outside of guest memory.
  /// What is not in its registers and queues and not behind it (a file, a network).
  [[nodiscard]] virtual DeviceState save() { return NoState{}; }
  /// Of a device of the same kind, before serve(). Empty, or what is wrong with the value.
  [[nodiscard]] virtual std::optional<std::string_view> restore(const DeviceState& state) {
    return std::holds_alternative<NoState>(state) ? std::nullopt : std::optional(of_another_kind);
  }

 protected:
  static constexpr std::string_view of_another_kind = "the state is one of another kind of device";

  /// Copies the part of `config` that a read_config() asks for.
  template <typename Config>
  static void read_from(const Config& config, std::uint64_t offset, std::span<std::byte> data) {
    if (offset >= sizeof(Config)) return;
    const auto bytes = std::as_bytes(std::span(&config, 1)).subspan(offset);
    std::memcpy(data.data(), bytes.data(), bytes.size() < data.size() ? bytes.size() : data.size());
  }
};

}  // namespace samepage::vmm
