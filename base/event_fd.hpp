// SPDX-License-Identifier: Apache-2.0
// An eventfd, used in one way: one thread makes it readable, another one polls it. Any thread may call; no
// call blocks.
#pragma once

#include "base/unique_fd.hpp"

namespace samepage {

/// Not readable yet. Throws std::system_error.
UniqueFd make_event();
/// Makes it readable until it is cleared.
void signal_event(int event);
/// False when it was not readable.
bool clear_event(int event);

}  // namespace samepage
