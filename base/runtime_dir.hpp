// SPDX-License-Identifier: Apache-2.0
// Where a user's sockets are: one directory that belongs to that user alone.
#pragma once

#include <string>

namespace samepage {

/// $SAMEPAGE_RUNTIME_DIR, else $XDG_RUNTIME_DIR/samepage, else /run/samepage for root and /tmp/samepage-UID
/// for others. Created with mode 0700 when missing. Throws UserError when somebody else owns it or can write
/// to it.
std::string runtime_dir();

/// Makes the paths in the environment absolute, for this process and those that it starts: some of them leave
/// the current directory. Called first in main(). Throws std::system_error.
void settle_runtime_paths();

/// The daemon's socket: $SAMEPAGE_SOCKET, else samepaged.sock in runtime_dir().
std::string daemon_socket_path();

/// Whether $SAMEPAGE_SOCKET is set. A daemon on that socket belongs to whoever set it, and is not started by
/// us.
bool daemon_socket_is_given();

/// The log of programs whose stderr nobody hears: samepage.log in $SAMEPAGE_RUNTIME_DIR where that is set,
/// else in $XDG_STATE_HOME/samepage (default ~/.local/state/samepage), which is created when missing. Where
/// that can't be, or is somebody else's, in runtime_dir(). Throws UserError.
std::string log_path();

}  // namespace samepage
