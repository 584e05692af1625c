// SPDX-License-Identifier: Apache-2.0
// A temporary file without a name: it goes with its last descriptor, however the process ends.
#pragma once

#include <string>

#include "base/unique_fd.hpp"

namespace samepage {

/// An empty file to read and write, in $TMPDIR, /var/tmp or /tmp. When none of them works, throws UserError
/// that says what the file was for (`for_what`).
UniqueFd unnamed_file(const std::string& for_what);

}  // namespace samepage
