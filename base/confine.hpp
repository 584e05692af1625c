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

/// Sanitizers need system calls of their own.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr Confine default_confine = Confine::off;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
inline constexpr Confine default_confine = Confine::off;
#else
inline constexpr Confine default_confine = Confine::on;
#endif
#else
inline constexpr Confine default_confine = Confine::on;
#endif

}  // namespace samepage
