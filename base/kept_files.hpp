// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace samepage {

/// What a small file says now; empty where there is none. Files of the kernel (/proc, /sys) stay open for the
/// next look: a confined process has to ask another one to open them, and who looks whether memory is short
/// must not wait for that. For the same reason one of these that is not there is looked for once a second at
/// most. Any thread.
std::string kept_text(const std::string& path);

}  // namespace samepage
