// SPDX-License-Identifier: Apache-2.0
// What each program does first. It keeps what the caller may decide (which signals are ignored, the hard
// limits) and corrects what a caller leaves behind by accident (blocked signals, closed standard streams).
// Call it before there is a second thread.
#pragma once

#include <vector>

namespace samepage {

/// - Closed standard streams get /dev/null, opened the wrong way round (input for writing, output for
///   reading). So no other descriptor gets their number, and writing to them fails instead of losing the
///   text.
/// - No signal is blocked.
/// - A write to a pipe without a reader, or past a limit on file sizes, fails (EPIPE, EFBIG) and ends
/// nothing.
/// - The end of a child can be waited for, also where the caller ignores SIGCHLD.
/// - As many descriptors as the hard limit allows.
void prepare_process();

/// Whether `signal` is ignored: nohup and shells start programs like this.
[[nodiscard]] bool is_ignored(int signal);

/// SIGINT, SIGTERM and SIGHUP, except those that are ignored: these stay ignored.
[[nodiscard]] std::vector<int> stop_signals();

}  // namespace samepage
