// SPDX-License-Identifier: Apache-2.0
// What a guest's disks and network devices have done since its start. Plain values.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "vmm/devices/virtio/device_config.hpp"

namespace samepage::vmm {

struct DiskFigures {
  std::uint64_t read_requests = 0, read_bytes = 0;
  std::uint64_t write_requests = 0, write_bytes = 0;  // also those that write zeroes or discard
  std::uint64_t flush_requests = 0;
  std::uint64_t errors = 0;  // requests that the guest was told have failed
};

/// One way of a network device.
struct TrafficFigures {
  std::uint64_t packets = 0, bytes = 0;  // without the header of virtio
  std::uint64_t dropped = 0;             // what the other side had no room for
};

struct NetFigures {
  MacAddress mac{};
  TrafficFigures received, sent;  // by the guest
};

/// In the order of the configuration.
struct DeviceFigures {
  std::vector<DiskFigures> disks;
  std::vector<NetFigures> nets;
};

}  // namespace samepage::vmm
