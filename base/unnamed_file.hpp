// SPDX-License-Identifier: Apache-2.0
// A temporary file without a name: it goes with its last descriptor, however the process ends.
#pragma once

#include <string>

#include "base/unique_fd.hpp"

namespace samepage {

/// Empty, to be read and written; in $TMPDIR, /var/tmp or /tmp. Throws UserError, with what it is `for_what`,
/// when none of them takes one.
UniqueFd unnamed_file(const std::string& for_what);

}  // namespace samepage
