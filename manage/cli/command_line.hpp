// SPDX-License-Identifier: Apache-2.0
// From words to a command. The only file that knows the option parser.
#pragma once

namespace samepage::cli {

/// Parses the command line and runs the command. Returns the exit status; a command line that makes no sense
/// is explained on stderr and gives exit_usage. Throws what commands throw.
int run_command_line(int argc, const char* const* argv);

}  // namespace samepage::cli
