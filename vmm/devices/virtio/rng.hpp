// SPDX-License-Identifier: Apache-2.0
// Entropy source (virtio 1.2, 5.4): fills the guest's buffers from the host's random pool.
#pragma once

#include <array>

#include "vmm/devices/virtio/virtio_device.hpp"

namespace samepage::vmm {

class Rng final : public VirtioDevice {
 public:
  [[nodiscard]] std::uint32_t id() const override { return 4; }
  [[nodiscard]] std::span<const std::uint16_t> queue_sizes() const override { return sizes; }
  void serve(VirtioState& state) override;

 private:
  static constexpr std::array<std::uint16_t, 1> sizes{64};
};

}  // namespace samepage::vmm
