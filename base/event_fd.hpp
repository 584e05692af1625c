// SPDX-License-Identifier: Apache-2.0
// An eventfd as what the project uses it for: one thread makes it readable, another that polls sees it. Any
// thread; none of the calls blocks.
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
