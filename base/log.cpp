// SPDX-License-Identifier: Apache-2.0
#include "base/log.hpp"

#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdlib>

#include "base/outlet.hpp"

namespace samepage {
namespace {

constexpr LogLevel usual = LogLevel::warning;
constexpr unsigned most_in_a_second = 20;

std::string& log_name() {
  static std::string name = "samepage";
  return name;
}

std::atomic<std::uint64_t> errors{0};

LogLevel level_of_environment() {
  const char* const text = std::getenv("SAMEPAGE_LOG");
  return text == nullptr ? usual : parse_log_level(text).value_or(usual);
}

// Two threads at the change of a second may let one line more through.
bool too_many() {
  static std::atomic<std::int64_t> second{-1};
  static std::atomic<unsigned> told{0};
  const auto now =
      std::chrono::duration_cast<std::chrono::seconds>(std::chrono::steady_clock::now().time_since_epoch())
          .count();
  if (second.exchange(now) != now) told = 0;
  return ++told > most_in_a_second;
}

}  // namespace

std::optional<LogLevel> parse_log_level(std::string_view text) {
  if (text == "error") return LogLevel::error;
  if (text == "warning") return LogLevel::warning;
  if (text == "info") return LogLevel::info;
  if (text == "debug") return LogLevel::debug;
  return std::nullopt;
}

bool is_logged(LogLevel level) {
  static const LogLevel most = level_of_environment();
  return level <= most;
}

void set_log_name(std::string name) {
  log_name() = std::move(name);
}

void log_line(std::string_view line) noexcept {
  if (too_many()) return;
  try {
    const std::string text = fmt::format("{}: {}\n", log_name(), line);
    static_cast<void>(write_all(Outlet(STDERR_FILENO), text, -1, 0));  // there is nobody left to tell
  } catch (const std::exception&) {
    // No memory to tell it.
  }
}

void log_error(std::string_view what, const std::exception& error) noexcept {
  ++errors;
  if (!is_logged(LogLevel::error)) return;
  try {
    log_line(fmt::format("{}: {}", what, error.what()));
  } catch (const std::exception&) {
    log_line(what);
  }
}

std::uint64_t logged_errors() {
  return errors;
}

}  // namespace samepage
