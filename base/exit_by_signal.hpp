// SPDX-License-Identifier: Apache-2.0
// How a program's exit status tells of a signal.
#pragma once

namespace samepage {

/// The status of something that a signal ended, as shells count.
constexpr int exit_by_signal(int signal) {
  constexpr int base = 128;
  return base + signal;
}

}  // namespace samepage
