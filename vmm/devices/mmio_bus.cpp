// SPDX-License-Identifier: Apache-2.0
#include "vmm/devices/mmio_bus.hpp"

namespace samepage::vmm {

bool MmioBus::add(Gpa first, std::uint64_t bytes, MmioDevice& device) {
  return ranges_.add(first.value, bytes, device);
}

MmioAccess MmioBus::write(Gpa address, std::span<const std::byte> data) const {
  return ranges_.access(address.value, data.size(),
                        [&](MmioDevice& device, std::uint64_t offset) { device.write(offset, data); });
}

MmioAccess MmioBus::read(Gpa address, std::span<std::byte> data) const {
  return ranges_.access(address.value, data.size(),
                        [&](MmioDevice& device, std::uint64_t offset) { device.read(offset, data); });
}

}  // namespace samepage::vmm
