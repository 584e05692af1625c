// SPDX-License-Identifier: Apache-2.0
// The files of the host that a guest has as disks and as persistent memory, in the order of its
// configuration.
#pragma once

#include <vector>

#include "vmm/devices/virtio/disk_file.hpp"
#include "vmm/devices/virtio/pmem_file.hpp"

namespace samepage::vmm {

/// The machine's, for its life.
struct GuestFiles {
  std::vector<const DiskFile*> disks;
  std::vector<PmemFile*> pmems;
};

}  // namespace samepage::vmm
