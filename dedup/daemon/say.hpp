// SPDX-License-Identifier: Apache-2.0
// What the daemon tells the people who run it: lines on stderr, of the levels that base/log.hpp lets through.
// A full disk, a pipe that nobody reads or a peer that makes the same mistake again and again must neither
// end nor hold up the daemon. So a line that does not go out at once is lost, and so are more than 20 in a
// second. The daemon's thread.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <exception>
#include <string_view>
#include <utility>

#include "base/log.hpp"

namespace samepage::dedup {

/// Writes "samepaged: LINE".
void say(std::string_view line) noexcept;

/// The same with a format, if messages of this level are told. Without memory for it the line is lost.
template <typename... Arguments>
void say(LogLevel level, fmt::format_string<Arguments...> format, Arguments&&... arguments) noexcept {
  if (!is_logged(level)) return;
  try {
    say(std::string_view(fmt::format(format, std::forward<Arguments>(arguments)...)));
  } catch (const std::exception&) {
    say(std::string_view("a message is lost for want of memory"));
  }
}

/// An error that ends `what` and nothing more is told and counted.
void say_error(std::string_view what, const std::exception& error) noexcept;
/// Errors so far.
[[nodiscard]] std::uint64_t said_errors();

}  // namespace samepage::dedup
