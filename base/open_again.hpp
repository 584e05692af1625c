// SPDX-License-Identifier: Apache-2.0
// A file that is open already, opened once more: with flags of its own, which others who have it open do not
// see.
#pragma once

#include "base/unique_fd.hpp"

namespace samepage {

/// `flags` as of open(2), and O_CLOEXEC. None, with errno, where this process may not: it is another user's.
UniqueFd open_again(int fd, int flags);

}  // namespace samepage
