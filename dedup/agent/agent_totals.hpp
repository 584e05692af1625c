// SPDX-License-Identifier: Apache-2.0
// What an agent has done, in numbers. Written by the agent's thread, read by any.
#pragma once

#include <atomic>
#include <cstdint>

namespace samepage::dedup {

struct AgentTotals {
  std::atomic<std::uint64_t> passes{0}, merges{0}, breaks{0}, failed_merges{0}, paged_out{0};
  std::atomic<std::uint64_t> cpu_us{0};           // of the agent's thread, when it last reported
  std::atomic<std::uint64_t> available_bytes{0};  // where the least is left to the guest, when it last looked
  std::atomic<bool> connected{false};
};

}  // namespace samepage::dedup
