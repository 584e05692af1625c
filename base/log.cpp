// SPDX-License-Identifier: Apache-2.0
#include "base/log.hpp"

#include <cstdlib>

namespace samepage {
namespace {

constexpr LogLevel usual = LogLevel::warning;

LogLevel level_of_environment() {
  const char* const text = std::getenv("SAMEPAGE_LOG");
  return text == nullptr ? usual : parse_log_level(text).value_or(usual);
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

}  // namespace samepage
