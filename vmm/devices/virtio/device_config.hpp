// SPDX-License-Identifier: Apache-2.0
// Which virtio devices a guest has.
#pragma once

#include <vector>

#include "vmm/devices/virtio/disk_file.hpp"

namespace samepage::vmm {

struct DeviceConfig {
  std::vector<DiskConfig> disks;
  bool rng = false;
};

}  // namespace samepage::vmm
