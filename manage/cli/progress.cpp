// SPDX-License-Identifier: Apache-2.0
#include "manage/cli/progress.hpp"

#include <unistd.h>

#include "base/standard_output.hpp"

namespace samepage::cli {
namespace {

constexpr std::chrono::seconds between_lines{3};
constexpr const char* erase_line = "\r\033[K";

}  // namespace

Progress::Progress() : terminal_(::isatty(STDERR_FILENO) == 1) {}

Progress::~Progress() {
  clear();
}

void Progress::show(const std::string& text) {
  if (terminal_) {
    print_err(erase_line + text);
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
