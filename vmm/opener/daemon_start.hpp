// SPDX-License-Identifier: Apache-2.0
// Starts a daemon where the last one was lost, for a guest's process that may not: what
// dedup/daemon_start.hpp does in passing, by a process that has no C library.
#pragma once

#include <string_view>

namespace samepage::vmm {

class DaemonStart {
 public:
  /// `words` are the daemon's program and its arguments, `environment` its environment, each with a null
  /// pointer at its end.
  DaemonStart(std::string_view socket, char* const* words, char* const* environment)
      : socket_(socket), words_(words), environment_(environment) {}

  /// It will be there a moment later, or not. Does nothing when somebody else is starting one, or one lives.
  void start() const;

 private:
  std::string_view socket_;
  char* const* words_;
  char* const* environment_;
};

}  // namespace samepage::vmm
