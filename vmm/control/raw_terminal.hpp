// SPDX-License-Identifier: Apache-2.0
// A terminal whose keys go to a guest one by one: no echo, no lines, no keys of its own (Ctrl-C is the
// guest's). Output keeps its processing, so that a line end alone begins a new line at the left.
#pragma once

#include <termios.h>

namespace samepage::cli {

/// Makes a terminal raw for its life; does nothing to what is no terminal.
class RawTerminal {
 public:
  /// `fd` stays the caller's. Throws std::system_error.
  explicit RawTerminal(int fd);
  /// Puts the terminal back as it was, also from the background.
  ~RawTerminal();
  RawTerminal(const RawTerminal&) = delete;
  RawTerminal& operator=(const RawTerminal&) = delete;

 private:
  int fd_;
  bool raw_ = false;
  termios before_{};
};

}  // namespace samepage::cli
