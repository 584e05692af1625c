// SPDX-License-Identifier: Apache-2.0
// Namespaces of a process's own: what it can see of the host is one directory.
#pragma once

#include <string>

namespace samepage {

/// From now on, for ever, the calling process is in user, mount, network, IPC and UTS namespaces of its own.
/// Its root is empty but for `directory`, which has the same path as before and can only be read; sockets in
/// it can be connected to. Its user has the same number as before, and what is open stays open. To be called
/// while there is one thread. Works without root where users may have namespaces; throws UserError that says
/// what to do elsewhere.
void enter_jail(const std::string& directory);

}  // namespace samepage
