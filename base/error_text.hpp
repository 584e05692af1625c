// SPDX-License-Identifier: Apache-2.0
// What an exception says to people.
#pragma once

#include <exception>
#include <string>

namespace samepage {

/// Its text; where memory, threads or address space were refused and this process is limited, the limit too.
std::string error_text(const std::exception& error);

}  // namespace samepage
