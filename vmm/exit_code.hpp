// SPDX-License-Identifier: Apache-2.0
// What the program's exit status means. The manual (README.md, --help) lists the same values; a status that
// is not the guest's own always comes with a line on stderr that begins with "samepage:".
#pragma once

namespace samepage {

inline constexpr int exit_ok = 0;
inline constexpr int exit_failure = 1;         // ours, the host's or the user's; the line says whose
inline constexpr int exit_usage = 2;           // the command line makes no sense
inline constexpr int exit_guest_ended = 3;     // console: the guest has ended; its own code is that of `run`
inline constexpr int exit_guest_failed = 125;  // the guest did what no guest may do
inline constexpr int exit_signal_base = 128;   // plus the number of the signal that ended a guest; SIGPIPE:
                                               // standard output has lost its reader

/// The status of something that a signal ended, as shells count.
constexpr int exit_by_signal(int signal) {
  return exit_signal_base + signal;
}

}  // namespace samepage
