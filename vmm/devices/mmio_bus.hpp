// SPDX-License-Identifier: Apache-2.0
// Which device answers at which guest physical address. Devices see offsets from their first byte; only the
// bus knows addresses. Devices are added while the machine is built; after that any vCPU's thread may call
// it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>

#include "base/types.hpp"
#include "vmm/devices/device_ranges.hpp"

namespace samepage::vmm {

/// Called by any vCPU's thread while the vCPU counts as inside the guest: it must not wait for anything that
/// may wait for the write barrier, and touches no guest memory.
class MmioDevice {
 public:
  virtual ~MmioDevice() = default;
  virtual void write(std::uint64_t offset, std::span<const std::byte> data) = 0;
  virtual void read(std::uint64_t offset, std::span<std::byte> data) = 0;
};

using MmioAccess = DeviceAccess;

class MmioBus {
 public:
  /// False, and nothing is added, when the range is taken, empty or wraps. The device must outlive the bus.
  [[nodiscard]] bool add(Gpa first, std::uint64_t bytes, MmioDevice& device);

  [[nodiscard]] MmioAccess write(Gpa address, std::span<const std::byte> data) const;
  [[nodiscard]] MmioAccess read(Gpa address, std::span<std::byte> data) const;

 private:
  DeviceRanges<MmioDevice> ranges_{std::numeric_limits<std::uint64_t>::max()};
};

}  // namespace samepage::vmm
