// SPDX-License-Identifier: Apache-2.0
#include "base/log.hpp"

#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <ctime>

#include "base/log_descriptor.hpp"
#include "base/log_file.hpp"
#include "base/outlet.hpp"
#include "base/runtime_dir.hpp"

namespace samepage {
namespace {

constexpr unsigned most_in_a_second = 20;
constexpr std::array<std::string_view, 4> level_names{"error", "warning", "info", "debug"};
constexpr std::array<int, 4> priorities{3, 4, 6, 7};  // syslog(3)'s, as the journal takes them

std::string& log_name() {
  static std::string name = "samepage";
  return name;
}

std::optional<LogFile>& log_file() {
  static std::optional<LogFile> file;
  return file;
}

std::atomic<std::uint64_t> errors{0};
std::atomic<std::uint64_t> left_out{0};  // lines, since one was written

std::optional<LogLevel> level_of_environment() {
  const char* const text = std::getenv("SAMEPAGE_LOG");
  return text == nullptr ? std::nullopt : parse_log_level(text);
}

// Whether stderr is what systemd has connected to its journal: systemd.exec(5).
bool stderr_is_the_journal() {
  const char* const told = std::getenv("JOURNAL_STREAM");
  struct stat info {};
  return told != nullptr && ::fstat(STDERR_FILENO, &info) == 0 &&
         fmt::format("{}:{}", info.st_dev, info.st_ino) == told;
}

bool nobody_hears_stderr() {
  struct stat info {};
  return ::fstat(STDERR_FILENO, &info) != 0 || (S_ISCHR(info.st_mode) && info.st_rdev == makedev(1, 3));
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

std::string time_text() {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  tm parts{};
  ::gmtime_r(&now.tv_sec, &parts);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", parts.tm_year + 1900, parts.tm_mon + 1,
                     parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec, now.tv_nsec / 1'000'000);
}

// An event is one line, whatever a peer has put into a text.
std::string one_line(std::string_view text) {
  std::string line(text);
  std::replace_if(
      line.begin(), line.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; },
      ' ');
  return line;
}

bool write_to_stderr(std::string_view text) {
  const Delivery delivery = write_all(Outlet(STDERR_FILENO), text, -1, 0);
  return delivery.left == 0 && delivery.error == 0;
}

bool write_line(LogLevel level, std::string_view text) {
  const auto number = static_cast<std::size_t>(level);
  const std::string line = one_line(text);
  if (log_file()) {
    return log_file()->append(
        fmt::format("{} {} {}[{}]: {}\n", time_text(), level_names.at(number), log_name(), ::getpid(), line));
  }
  if (stderr_is_the_journal())
    return write_to_stderr(fmt::format("<{}>{}: {}\n", priorities.at(number), log_name(), line));
  return write_to_stderr(
      fmt::format("{} {} {}: {}\n", time_text(), level_names.at(number), log_name(), line));
}

}  // namespace

std::optional<LogLevel> parse_log_level(std::string_view text) {
  const auto* const found = std::find(level_names.begin(), level_names.end(), text);
  if (found == level_names.end()) return std::nullopt;
  return static_cast<LogLevel>(found - level_names.begin());
}

bool is_logged(LogLevel level) {
  static const std::optional<LogLevel> asked = level_of_environment();
  return level <= asked.value_or(log_file() ? LogLevel::info : LogLevel::warning);
}

void set_log_name(std::string name) {
  log_name() = std::move(name);
}

void log_to_file_when_unheard() noexcept {
  try {
    if (nobody_hears_stderr() && !log_file()) log_file().emplace(log_path());
  } catch (const std::exception&) {
    // There is no place for it.
  }
}

void forget_log_descriptor() noexcept {
  if (log_file()) log_file()->close();
}

std::string log_place() {
  if (log_file()) return log_file()->path();
  return stderr_is_the_journal() ? "journal" : "stderr";
}

void log_line(LogLevel level, std::string_view line) noexcept {
  if (too_many()) {
    ++left_out;
    return;
  }
  try {
    if (const std::uint64_t lost = left_out.exchange(0); lost > 0) {
      if (!write_line(LogLevel::warning, fmt::format("{} lines are left out here", lost))) left_out += lost;
    }
    if (!write_line(level, line)) ++left_out;
  } catch (const std::exception&) {
    ++left_out;  // no memory to tell it
  }
}

void log_error(std::string_view what, std::string_view why) noexcept {
  ++errors;
  if (!is_logged(LogLevel::error)) return;
  try {
    log_line(LogLevel::error, fmt::format("{}: {}", what, why));
  } catch (const std::exception&) {
    log_line(LogLevel::error, what);
  }
}

std::uint64_t logged_errors() {
  return errors;
}

}  // namespace samepage
