// SPDX-License-Identifier: Apache-2.0
// Which device answers at which I/O port. Devices see offsets from their first port; only the bus knows
// ports. Devices are added while the machine is built; after that any vCPU's thread may call it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "vmm/devices/device_ranges.hpp"

namespace samepage::vmm {

/// Called by any vCPU's thread; an access of several bytes is one of as many consecutive ports.
class PortDevice {
 public:
  virtual ~PortDevice() = default;
  virtual void write(std::uint16_t offset, std::span<const std::byte> data) = 0;
  virtual void read(std::uint16_t offset, std::span<std::byte> data) = 0;
};

using PortAccess = DeviceAccess;

class PortBus {
 public:
  /// False, and nothing is added, when the ports are taken, none or beyond 0xffff. The device must outlive
  /// the bus.
  [[nodiscard]] bool add(std::uint16_t first, std::uint16_t count, PortDevice& device);

  [[nodiscard]] PortAccess write(std::uint16_t port, std::span<const std::byte> data) const;
  [[nodiscard]] PortAccess read(std::uint16_t port, std::span<std::byte> data) const;

 private:
  DeviceRanges<PortDevice> ranges_{0xffff};
};

}  // namespace samepage::vmm
