// SPDX-License-Identifier: Apache-2.0
// The log: what a program tells the people who run it, a line an event, with the time. It goes to stderr;
// where that is the journal, in the journal's form; where nobody hears stderr, to a file. SAMEPAGE_LOG names
// a level; lines of that level and of those before it are told. Errors are counted, told or not.
//
// A full disk, a pipe that nobody reads or a peer that makes the same mistake again and again must neither
// end nor hold up a daemon or a guest. So a line that does not go out at once is lost, and so are more than
// 20 in a second; how many is told with the next line. (That is why this isn't one of the logging libraries,
// whose sinks wait.) All functions may be called from any thread.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <exception>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace samepage {

enum class LogLevel : std::uint8_t {
  error,    // something failed
  warning,  // a limit was reached, a peer was cut off
  info,     // what begins and ends
  debug,
};

/// "error", "warning", "info" or "debug".
[[nodiscard]] std::optional<LogLevel> parse_log_level(std::string_view text);

/// Whether messages of this level are told. As long as SAMEPAGE_LOG names nothing, warnings and errors are,
/// and in a file what begins and ends too. The environment is read once.
[[nodiscard]] bool is_logged(LogLevel level);

/// The program, or the guest: each line has it. To be set before there are threads.
void set_log_name(std::string name);

/// Where stderr is closed or /dev/null, the log goes to a file of this user (base/runtime_dir.hpp). To be
/// called before there are threads.
void log_to_file_when_unheard() noexcept;
/// Where it goes: "stderr", "journal", or the path of a file.
[[nodiscard]] std::string log_place();

/// Writes a line, whatever the level. Control characters in it become spaces.
void log_line(LogLevel level, std::string_view line) noexcept;

/// The same with a format, if messages of this level are told. Without memory for it the line is lost.
template <typename... Arguments>
void log(LogLevel level, fmt::format_string<Arguments...> format, Arguments&&... arguments) noexcept {
  if (!is_logged(level)) return;
  try {
    log_line(level, fmt::format(format, std::forward<Arguments>(arguments)...));
  } catch (const std::exception&) {
    log_line(level, "a message is lost for want of memory");
  }
}

/// An error that ends `what` and nothing more is counted and told.
void log_error(std::string_view what, std::string_view why) noexcept;
inline void log_error(std::string_view what, const std::exception& error) noexcept {
  log_error(what, std::string_view(error.what()));
}
/// Errors so far.
[[nodiscard]] std::uint64_t logged_errors();

}  // namespace samepage
