// SPDX-License-Identifier: Apache-2.0
// How much a program tells of what it does: SAMEPAGE_LOG names a level, and messages of that level and of
// those before it are told. Where they go is up to each program.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace samepage {

enum class LogLevel : std::uint8_t {
  error,    // something failed
  warning,  // a limit was reached, a peer was cut off
  info,     // what begins and ends
  debug,
};

/// "error", "warning", "info" or "debug".
[[nodiscard]] std::optional<LogLevel> parse_log_level(std::string_view text);

/// Whether messages of this level are told. As long as SAMEPAGE_LOG names nothing, warnings and errors are.
/// The environment is read once.
[[nodiscard]] bool is_logged(LogLevel level);

}  // namespace samepage
