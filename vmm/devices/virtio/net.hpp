// SPDX-License-Identifier: Apache-2.0
// Network device (virtio 1.2, 5.1) with one pair of queues, on a TAP interface. The guest may leave checksums
// and the cutting of long TCP segments to the host.
#pragma once

#include <array>
#include <mutex>
#include <vector>

#include "vmm/devices/virtio/counter.hpp"
#include "vmm/devices/virtio/device_config.hpp"
#include "vmm/devices/virtio/device_figures.hpp"
#include "vmm/devices/virtio/tap.hpp"
#include "vmm/devices/virtio/virtio_device.hpp"

namespace samepage::vmm {

class Net final : public VirtioDevice {
 public:
  Net(Tap tap, const MacAddress& mac);

  [[nodiscard]] std::uint32_t id() const override { return 1; }
  [[nodiscard]] std::uint64_t features() const override;
  [[nodiscard]] std::span<const std::uint16_t> queue_sizes() const override { return sizes; }
  void read_config(std::uint64_t offset, std::span<std::byte> data) const override;
  void serve(VirtioState& state) override;
  /// Any thread.
  [[nodiscard]] NetFigures figures() const;
  [[nodiscard]] int host_input() const override { return listening_ ? tap_.fd() : -1; }
  [[nodiscard]] DeviceState save() override;
  [[nodiscard]] std::optional<std::string_view> restore(const DeviceState& state) override;

 private:
  void send(VirtioState& state);
  void receive(VirtioState& state);
  [[nodiscard]] std::optional<std::size_t> waiting_packet();

  static constexpr std::array<std::uint16_t, 2> sizes{256, 256};
  Tap tap_;
  MacAddress mac_;
  std::vector<std::byte> outgoing_;
  std::mutex mutex_;  // of what the devices' thread changes and save() looks at
  std::vector<std::byte> incoming_;
  std::size_t incoming_bytes_ = 0;  // a packet that waits for room in the guest
  struct Traffic {
    Counter packets, bytes, dropped;
    [[nodiscard]] TrafficFigures figures() const { return {packets.value(), bytes.value(), dropped.value()}; }
  };
  Traffic received_, sent_;
  bool listening_ = false;  // the guest has had room, so far as we know
};

}  // namespace samepage::vmm
