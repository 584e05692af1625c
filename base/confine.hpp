// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace samepage {

/// Whether a process gives up what it does not need (confinement.hpp). By default it does not: a guest starts
/// 2 ms later for it and takes 0.3 MiB more.
enum class Confine : std::uint8_t { off, on };

}  // namespace samepage
