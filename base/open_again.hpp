// SPDX-License-Identifier: Apache-2.0
// Opens a file once more that is open already. The new descriptor has flags of its own, so changing them does
// not affect others who have the file open.
#pragma once

#include "base/unique_fd.hpp"

namespace samepage {

/// `flags` as of open(2), and O_CLOEXEC. Returns no descriptor, and errno says why, where this process may
/// not open it, such as another user's terminal.
UniqueFd open_again(int fd, int flags);
/// A descriptor that can only be read, to hand to others. Throws std::system_error that begins with `what`.
[[nodiscard]] UniqueFd open_to_read(int fd, const char* what);

}  // namespace samepage
