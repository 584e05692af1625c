// SPDX-License-Identifier: Apache-2.0
// The two ends of a pipe.
#pragma once

#include "base/unique_fd.hpp"

namespace samepage {

struct Pipe {
  UniqueFd reading;
  UniqueFd writing;
};

/// A new one; both ends close on exec. Throws std::system_error.
Pipe make_pipe();

}  // namespace samepage
