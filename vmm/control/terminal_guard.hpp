// SPDX-License-Identifier: Apache-2.0
// A terminal that was changed, for the case that a signal ends the process before it could be put back.
#pragma once

#include <termios.h>

#include <string_view>

namespace samepage::vmm {

/// While it exists, a signal that nobody handles and that ends the process first writes `farewell` to the
/// terminal and gives it back its modes. One at a time.
class TerminalGuard {
 public:
  /// `farewell` must outlive this. Does nothing to signals that are ignored or handled already.
  TerminalGuard(int fd, const termios& before, std::string_view farewell = {});
  ~TerminalGuard();
  TerminalGuard(const TerminalGuard&) = delete;
  TerminalGuard& operator=(const TerminalGuard&) = delete;
};

}  // namespace samepage::vmm
