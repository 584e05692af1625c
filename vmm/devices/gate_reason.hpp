// SPDX-License-Identifier: Apache-2.0
// Why nobody may be in guest memory. A plain value, the same for vCPUs and devices.
#pragma once

#include <cstdint>

namespace samepage::vmm {

/// Independent of each other: a gate is open when there is no reason left.
enum class GateReason : std::uint32_t {
  write_barrier = 1U << 0,
  user_pause = 1U << 1,
  stop = 1U << 2,       // for good
  no_memory = 1U << 4,  // hardly any is left for what it writes
  state = 1U << 3,      // the machine's state is read, or its memory copied
};

constexpr std::uint32_t bit_of(GateReason reason) {
  return static_cast<std::uint32_t>(reason);
}

}  // namespace samepage::vmm
