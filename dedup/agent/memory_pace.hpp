// SPDX-License-Identifier: Apache-2.0
// How fast memory can be used up: what looks at memory are timed by.
#pragma once

#include <chrono>
#include <cstdint>

namespace samepage::dedup {

/// Bytes that all guests together write in a millisecond, at most.
inline constexpr std::uint64_t written_a_ms = std::uint64_t{2} << 20U;

/// Where the next look is due as soon as this, guests that write as fast as they can may have used up what is
/// left by then: a look must not come late.
inline constexpr std::chrono::milliseconds scarce_within{100};

}  // namespace samepage::dedup
