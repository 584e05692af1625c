// SPDX-License-Identifier: Apache-2.0
// The memory of a guest that no agent merges: all that was not mapped at its start is anonymous.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "base/write_tracking.hpp"
#include "dedup/agent/memory_region.hpp"
#include "dedup/agent/still_memory.hpp"

namespace samepage::vmm {

class OwnMemory final : public dedup::StillMemory {
 public:
  explicit OwnMemory(std::span<const dedup::MemoryRegion> regions)
      : regions_(regions.begin(), regions.end()) {}

  [[nodiscard]] bool watch() override;
  [[nodiscard]] bool written(const std::function<void(const GfnRange&)>& visit) override;
  std::uint64_t put_back(const dedup::Backing& backing) override;

 private:
  std::vector<dedup::MemoryRegion> regions_;
  std::optional<WriteTracking> tracking_;
};

}  // namespace samepage::vmm
