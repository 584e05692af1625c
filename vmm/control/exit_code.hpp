// SPDX-License-Identifier: Apache-2.0
// What the program's exit status means. The manual (docs/manual.md, --help) lists the same values; a status
// that is not the guest's own always comes with a line on stderr that begins with "samepage:".
#pragma once

#include "base/exit_by_signal.hpp"

namespace samepage {

inline constexpr int exit_ok = 0;
inline constexpr int exit_failure = 1;         // ours, the host's or the user's; the line says whose
inline constexpr int exit_usage = 2;           // the command line makes no sense
inline constexpr int exit_guest_ended = 3;     // console: the guest has ended; its own code is that of `run`
inline constexpr int exit_guest_failed = 125;  // the guest did what no guest may do
// exit_by_signal(N), 128 + N: a signal ended the guest; SIGPIPE: standard output has lost its reader.

}  // namespace samepage
