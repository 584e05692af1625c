// SPDX-License-Identifier: Apache-2.0
// Which bytes are text that XML can carry: UTF-8 without control characters other than tab and newlines.
// Pure.
#pragma once

#include <string>
#include <string_view>

namespace samepage {

[[nodiscard]] bool is_utf8_text(std::string_view bytes);
/// With U+FFFD in place of what is not.
[[nodiscard]] std::string utf8_text(std::string_view bytes);

}  // namespace samepage
