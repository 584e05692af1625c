// SPDX-License-Identifier: Apache-2.0
#include "dedup/daemon/say.hpp"

#include <unistd.h>

#include <chrono>
#include <exception>
#include <string>

#include "base/outlet.hpp"

namespace samepage::dedup {
namespace {

constexpr unsigned most_in_a_second = 20;
std::uint64_t errors = 0;

bool too_many() {
  using Clock = std::chrono::steady_clock;
  static Clock::time_point second;
  static unsigned said = 0;
  if (const auto now = Clock::now(); now - second >= std::chrono::seconds(1)) second = now, said = 0;
  return ++said > most_in_a_second;
}

}  // namespace

void say(std::string_view line) noexcept {
  if (too_many()) return;
  try {
    const std::string text = fmt::format("samepaged: {}\n", line);
    static_cast<void>(write_all(Outlet(STDERR_FILENO), text, -1, 0));  // there is nobody left to tell
  } catch (const std::exception&) {
    // No memory to say it.
  }
}

void say_error(std::string_view what, const std::exception& error) noexcept {
  ++errors;
  if (!is_logged(LogLevel::error)) return;
  try {
    say(std::string_view(fmt::format("{}: {}", what, error.what())));
  } catch (const std::exception&) {
    say(what);
  }
}

std::uint64_t said_errors() {
  return errors;
}

}  // namespace samepage::dedup
