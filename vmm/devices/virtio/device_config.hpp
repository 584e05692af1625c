// SPDX-License-Identifier: Apache-2.0
// Which virtio devices a guest has.
#pragma once

#include <vector>

#include "vmm/devices/virtio/disk_file.hpp"
#include "vmm/devices/virtio/pmem_file.hpp"
#include "vmm/devices/virtio/tap.hpp"

namespace samepage::vmm {

struct DeviceConfig {
  std::vector<DiskConfig> disks;
  std::vector<PmemConfig> pmems;
  std::vector<NetConfig> nets;
  bool rng = false;
  bool balloon = false;
  bool console = false;
};

}  // namespace samepage::vmm
