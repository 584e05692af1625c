// SPDX-License-Identifier: Apache-2.0
#include "vmm/devices/port_bus.hpp"

#include <algorithm>

namespace samepage::vmm {

bool PortBus::add(std::uint16_t first, std::uint16_t count, PortDevice& device) {
  const Range added{first, std::uint32_t{first} + count, &device};
  const auto taken = [&](const Range& other) { return added.first < other.end && other.first < added.end; };
  if (count == 0 || added.end > 0x1'0000) return false;
  if (std::any_of(ranges_.begin(), ranges_.end(), taken)) return false;
  ranges_.push_back(added);
  return true;
}

PortAccess PortBus::find(std::uint16_t port, std::size_t size, const Range*& found) const {
  const std::uint64_t end = std::uint64_t{port} + size;
  for (const Range& range : ranges_) {
    if (port >= range.end || end <= range.first) continue;
    if (port < range.first || end > range.end) return PortAccess::straddles;
    found = &range;
    return PortAccess::done;
  }
  return PortAccess::no_device;
}

PortAccess PortBus::write(std::uint16_t port, std::span<const std::byte> data) const {
  const Range* range = nullptr;
  const PortAccess access = find(port, data.size(), range);
  if (range != nullptr) range->device->write(static_cast<std::uint16_t>(port - range->first), data);
  return access;
}

PortAccess PortBus::read(std::uint16_t port, std::span<std::byte> data) const {
  const Range* range = nullptr;
  const PortAccess access = find(port, data.size(), range);
  if (range != nullptr) range->device->read(static_cast<std::uint16_t>(port - range->first), data);
  return access;
}

}  // namespace samepage::vmm
