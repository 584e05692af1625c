// SPDX-License-Identifier: Apache-2.0
// Guests in child processes: those that are left running, and those whose consoles this process shows.
#pragma once

#include <nlohmann/json.hpp>

#include "manage/cli/console_file.hpp"
#include "manage/cli/run_options.hpp"
#include "vmm/control/stop_signals.hpp"

namespace samepage::cli {

/// Starts options.count guests, prints their names and leaves them running. When one does not start, the
/// others are stopped and its error is thrown. `about`: an object that the JSON output tells besides.
int run_detached(const RunOptions& options, nlohmann::json about = {});

/// Starts options.count guests and shows their consoles, each line with its guest's name, until all have
/// ended. Returns the first status that is not 0. A stop signal is passed on to all.
int run_attached(const RunOptions& options);

/// The file of --console for the guest with this number (from 1 on; 0 for a guest that is alone), none when
/// there is no such option. Waits for the reader of a FIFO; throws Interrupted when one of `signals` (null:
/// none are blocked) comes meanwhile.
ConsoleFile open_console(const RunOptions& options, unsigned number, const vmm::StopSignals* signals);

}  // namespace samepage::cli
