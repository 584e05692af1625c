// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace samepage {

/// Whether a process gives up what it does not need (confinement.hpp). Under sanitizers, which need system
/// calls of their own, it does not unless somebody says so.
enum class Confine : std::uint8_t { by_default, on, off };
bool is_to_be_confined(Confine confine);

}  // namespace samepage
