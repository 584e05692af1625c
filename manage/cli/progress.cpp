// SPDX-License-Identifier: Apache-2.0
#include "manage/cli/progress.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include "base/standard_output.hpp"

namespace samepage::cli {
namespace {

constexpr std::chrono::seconds between_lines{3};
constexpr const char* erase_line = "\r\033[K";

// Asked each time: a window is resized.
std::size_t terminal_columns() {
  constexpr std::size_t usual = 80;
  winsize window{};
  return ::ioctl(STDERR_FILENO, TIOCGWINSZ, &window) == 0 && window.ws_col != 0 ? window.ws_col : usual;
}

}  // namespace

Progress::Progress() : terminal_(::isatty(STDERR_FILENO) == 1) {}

Progress::~Progress() {
  clear();
}

void Progress::show(const std::string& text, Done done) {
  if (terminal_) {
    print_err(erase_line + progress_line(text, done, terminal_columns()));
    return;
  }
  const auto now = std::chrono::steady_clock::now();
  if (now < next_) return;
  next_ = now + between_lines;
  complain(text);
}

void Progress::clear() {
  if (terminal_) print_err(erase_line);
}

}  // namespace samepage::cli
