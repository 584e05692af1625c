// SPDX-License-Identifier: Apache-2.0
// Guests run as `samepage run` runs them, for all commands that start some.
#pragma once

#include "manage/cli/run_options.hpp"

namespace samepage::cli {

/// Runs the guests that `options` tell of, in this process or in others, and returns the exit status.
int run_guests(const RunOptions& options);

}  // namespace samepage::cli
