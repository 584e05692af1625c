// SPDX-License-Identifier: Apache-2.0
#include "vmm/devices/port_bus.hpp"

namespace samepage::vmm {

bool PortBus::add(std::uint16_t first, std::uint16_t count, PortDevice& device) {
  return ranges_.add(first, count, device);
}

PortAccess PortBus::write(std::uint16_t port, std::span<const std::byte> data) const {
  return ranges_.access(port, data.size(), [&](PortDevice& device, std::uint64_t offset) {
    device.write(static_cast<std::uint16_t>(offset), data);
  });
}

PortAccess PortBus::read(std::uint16_t port, std::span<std::byte> data) const {
  return ranges_.access(port, data.size(), [&](PortDevice& device, std::uint64_t offset) {
    device.read(static_cast<std::uint16_t>(offset), data);
  });
}

}  // namespace samepage::vmm
