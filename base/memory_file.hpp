// SPDX-License-Identifier: Apache-2.0
// A file without a name in memory, to hand bytes to another process.
#pragma once

#include <string_view>

#include "base/unique_fd.hpp"

namespace samepage {

/// A file that holds `bytes`, and is closed at exec; `name` is what /proc shows. Its offset is at the end:
/// who gets it reads from the beginning with pread() or a seek. Throws std::system_error.
[[nodiscard]] UniqueFd memory_file_with(const char* name, std::string_view bytes);

}  // namespace samepage
