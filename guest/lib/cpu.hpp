// SPDX-License-Identifier: Apache-2.0
// How many CPUs there are, and starting the others. cpu_index() is in ring0.hpp.
#pragma once

#include <cstdint>

namespace samepage::guest {

inline constexpr std::uint32_t max_cpus = 32;  // as in layout.inc

/// What CPUID says. A guest with more than max_cpus does not start.
[[nodiscard]] std::uint32_t cpu_count();

/// Starts the other CPUs, once. Each calls `program`, then halts for ever. Returns when all have come up, or
/// after a second; the result is how many run, this one included.
std::uint32_t start_cpus(void (*program)());

}  // namespace samepage::guest
