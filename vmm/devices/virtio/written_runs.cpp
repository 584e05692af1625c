// SPDX-License-Identifier: Apache-2.0
#include "vmm/devices/virtio/written_runs.hpp"

#include <algorithm>

namespace samepage::vmm {

std::span<const WrittenRun>::iterator run_at(std::span<const WrittenRun> runs, std::uint64_t byte) {
  return std::partition_point(runs.begin(), runs.end(),
                              [byte](const WrittenRun& run) { return run.end() <= byte; });
}

}  // namespace samepage::vmm
