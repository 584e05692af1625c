// SPDX-License-Identifier: Apache-2.0
// What a command throws when it has to end early, so that all it made goes with it.
#pragma once

namespace samepage::cli {

/// A stop signal came while a command worked; main turns it into the exit status.
struct Interrupted {
  int signal = 0;
};

}  // namespace samepage::cli
