// SPDX-License-Identifier: Apache-2.0
// A file of ours that has its old content or the new one, however the writing ends.
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>

namespace samepage {

/// Throws std::system_error, and then the old content is there.
void replace_file(const std::string& path, std::string_view bytes, mode_t mode);

}  // namespace samepage
