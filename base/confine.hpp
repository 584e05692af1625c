// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace samepage {

/// Whether a process gives up what it does not need (confinement.hpp).
enum class Confine : std::uint8_t {
  off,
  on,
  jailed  // it also sees no files, processes and networks of the host (jail.hpp)
};

/// Not the default yet: where a process tree has a seccomp listener or a PID namespace of its own with the
/// outer /proc, a confined guest does not start, or can't show its figures (docs/security.md).
inline constexpr Confine default_confine = Confine::off;

}  // namespace samepage
