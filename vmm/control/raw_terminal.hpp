// SPDX-License-Identifier: Apache-2.0
// A terminal whose keys go to a guest one by one: no echo, no lines, no keys of its own (Ctrl-C is the
// guest's). Output keeps its processing, so that a line end alone begins a new line at the left.
#pragma once

#include <termios.h>

#include <optional>

#include "vmm/control/terminal_guard.hpp"

namespace samepage::vmm {

/// Makes a terminal raw for its life, and no longer: a signal that ends the process puts it back as well.
/// Does nothing to what is not a terminal. One at a time.
class RawTerminal {
 public:
  /// `fd` stays the caller's. Throws std::system_error.
  explicit RawTerminal(int fd);
  /// Puts the terminal back as it was, also from the background.
  ~RawTerminal();
  RawTerminal(const RawTerminal&) = delete;
  RawTerminal& operator=(const RawTerminal&) = delete;

  /// Somebody else has the terminal now, and has set it for himself: it is left as it is.
  void let_go();

 private:
  int fd_;
  termios before_{};
  std::optional<TerminalGuard> guard_;  // while it is raw
};

}  // namespace samepage::vmm
