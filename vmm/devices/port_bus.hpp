// SPDX-License-Identifier: Apache-2.0
// Which device answers at which I/O port. Devices see offsets from their first port; only the bus knows
// ports. Devices are added while the machine is built; after that any vCPU's thread may call it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace samepage::vmm {

/// Called by any vCPU's thread; an access of several bytes is one of as many consecutive ports.
class PortDevice {
 public:
  virtual ~PortDevice() = default;
  virtual void write(std::uint16_t offset, std::span<const std::byte> data) = 0;
  virtual void read(std::uint16_t offset, std::span<std::byte> data) = 0;
};

enum class PortAccess : std::uint8_t { done, no_device, straddles };

class PortBus {
 public:
  /// False, and nothing is added, when the ports are taken, none or beyond 0xffff. The device must outlive
  /// the bus.
  [[nodiscard]] bool add(std::uint16_t first, std::uint16_t count, PortDevice& device);

  [[nodiscard]] PortAccess write(std::uint16_t port, std::span<const std::byte> data) const;
  [[nodiscard]] PortAccess read(std::uint16_t port, std::span<std::byte> data) const;

 private:
  struct Range {
    std::uint32_t first = 0;  // ports; end may be 0x10000
    std::uint32_t end = 0;
    PortDevice* device = nullptr;
  };
  /// The device that has all of [port, port + size), or why there is none.
  PortAccess find(std::uint16_t port, std::size_t size, const Range*& found) const;

  std::vector<Range> ranges_;
};

}  // namespace samepage::vmm
