// SPDX-License-Identifier: Apache-2.0
// A terminal whose whole screen is ours for a while (ncurses). It is put back as it was at the end, when it
// is stopped (Ctrl-Z), and when a signal ends the process. Signals come as something to poll, so nothing is
// done in the middle of something else.
#pragma once

#include <csignal>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "base/unique_fd.hpp"
#include "manage/top/screen.hpp"
#include "vmm/control/terminal_guard.hpp"

namespace samepage::cli {

/// One at a time, in a process with one thread.
class CursesTerminal {
 public:
  /// Takes the terminal of standard input and output. Throws UserError where there is none that will do.
  CursesTerminal();
  ~CursesTerminal();
  CursesTerminal(const CursesTerminal&) = delete;
  CursesTerminal& operator=(const CursesTerminal&) = delete;

  [[nodiscard]] top::Size size() const;
  [[nodiscard]] top::Glyphs glyphs() const { return glyphs_; }

  /// Whether drawing would not wait. It would where output was stopped (Ctrl-S), and no signal could end
  /// that.
  [[nodiscard]] static bool takes_output();
  void draw(std::span<const top::Line> lines);
  /// The next key that was pressed; none: there was none.
  [[nodiscard]] std::optional<top::Key> key();

  /// Readable when the size has changed, or when this process is to stop or goes on.
  [[nodiscard]] int signals_fd() const { return signals_.get(); }
  /// Does what these signals are for; what was on the screen has to be drawn again afterwards. Returns after
  /// the stop where there is one.
  void serve_signals();

 private:
  void take_over();
  void stop();
  void set_size();

  sigset_t former_mask_{};
  struct sigaction former_stop_ {};  // of SIGTSTP
  UniqueFd signals_;
  top::Glyphs glyphs_ = top::Glyphs::ascii;
  std::string farewell_;  // what puts the screen back
  std::optional<vmm::TerminalGuard> guard_;
};

}  // namespace samepage::cli
