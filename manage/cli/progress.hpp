// SPDX-License-Identifier: Apache-2.0
// What a long command is doing, on stderr: one line that is rewritten on a terminal, with a bar where it is
// known how much there is to do, else a line every few seconds.
#pragma once

#include <chrono>
#include <string>

#include "manage/cli/progress_line.hpp"

namespace samepage::cli {

class Progress {
 public:
  Progress();
  /// Clears the line.
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void show(const std::string& text, Done done = {});
  /// Clears the line, so that something else can be printed.
  void clear();

 private:
  bool terminal_;
  std::chrono::steady_clock::time_point next_;  // no line before, where there is no terminal
};

}  // namespace samepage::cli
