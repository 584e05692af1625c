// SPDX-License-Identifier: Apache-2.0
// What the daemon tells whoever runs it: lines on stderr. Nobody who fills a disk, leaves a pipe unread or
// makes the same mistake again and again may end or hold up the daemon by that, so a line that does not go
// out at once is lost, and so are more than 20 in a second.
#pragma once

#include <fmt/format.h>

#include <string_view>

namespace samepage::dedup {

/// Writes "samepaged: LINE". The daemon's thread.
void say(std::string_view line) noexcept;

/// The same with a format.
template <typename... Arguments>
void say(fmt::format_string<Arguments...> format, Arguments&&... arguments) {
  say(std::string_view(fmt::format(format, std::forward<Arguments>(arguments)...)));
}

}  // namespace samepage::dedup
