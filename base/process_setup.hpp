// SPDX-License-Identifier: Apache-2.0
// What every program of ours does first: takes from its caller what a caller may decide (which signals are
// ignored, its limits' ceilings) and puts right what callers leave behind by accident (a blocked signal, a
// closed standard stream). Before there is a second thread.
#pragma once

#include <vector>

namespace samepage {

/// - Standard streams that are closed get /dev/null, opened the wrong way round: no descriptor of ours gets
///   their number, and what is written to them fails instead of vanishing.
/// - No signal is blocked.
/// - A write to a pipe without a reader, or past a limit on file sizes, fails (EPIPE, EFBIG) and ends
/// nothing.
/// - The end of a child can be waited for, also where the caller ignores SIGCHLD.
/// - As many descriptors as the hard limit allows.
void prepare_process();

/// Whether `signal` has no effect on this process: nohup and shells start programs so.
[[nodiscard]] bool is_ignored(int signal);

/// SIGINT, SIGTERM and SIGHUP without those that the caller has us ignore: they stay ignored.
[[nodiscard]] std::vector<int> stop_signals();

}  // namespace samepage
