// SPDX-License-Identifier: Apache-2.0
// A terminal with a command in it, as a person has it: a pseudo-terminal that is the command's controlling
// one.
#pragma once

#include <sys/types.h>
#include <termios.h>

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "base/unique_fd.hpp"

namespace samepage::system_test {

struct TerminalSize {
  unsigned short columns = 80;
  unsigned short rows = 24;
};

class Terminal {
 public:
  explicit Terminal(const std::vector<std::string>& command, TerminalSize size = {});
  /// Kills the command if it still runs.
  ~Terminal();
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;

  void type(std::string_view keys) const;
  /// Waits until the screen has shown `text`; fails the test when the command ends before.
  void wait_for(const std::string& text);
  /// Waits until it has written something more; fails the test when it has ended.
  void wait_for_more();
  /// Waits until `text` stands on the screen of a VT100, for programs that place text.
  void wait_to_see(const std::string& text);
  /// Waits for the command's end. Returns its exit code, or 128 + signal.
  int wait();
  /// The window gets another size.
  void resize(TerminalSize size);
  /// The window is closed.
  void hang_up() { master_.reset(); }

  void signal(int number) const;
  /// Input, output, control and local modes and the control characters, as text to compare.
  [[nodiscard]] std::string modes() const;
  /// What they were before the command began.
  [[nodiscard]] const std::string& first_modes() const { return first_modes_; }
  [[nodiscard]] bool is_raw() const;
  [[nodiscard]] const std::string& screen() const { return screen_; }

 private:
  using Clock = std::chrono::steady_clock;

  // False when the command has ended and all that it wrote is on the screen, and when `what` has not come by
  // `end`.
  bool read_more(const Clock::time_point& end, const std::string& what);

  TerminalSize size_;
  UniqueFd master_;
  UniqueFd slave_;  // keeps the modes when the command is gone
  std::string first_modes_;
  pid_t pid_ = -1;
  UniqueFd process_;
  std::string screen_;
};

}  // namespace samepage::system_test
