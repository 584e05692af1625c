// SPDX-License-Identifier: Apache-2.0
// The address of a local socket in memory that nothing in this process can change any more (mseal(2), Linux
// 6.10). A filter of system calls sees where an address lies and not what it says; with this it can let a
// process connect to one socket and no other.
#pragma once

#include <sys/un.h>

#include <string>

namespace samepage {

/// Seals the address of the socket at `path`; once, before there are other threads. False where the kernel
/// can't, or the path is too long.
bool seal_address(const std::string& path);
/// The sealed address, null when there is none.
const sockaddr_un* sealed_address();
/// The same if it is of the socket at `path`.
const sockaddr_un* sealed_address_of(const std::string& path);

}  // namespace samepage
