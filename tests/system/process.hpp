// SPDX-License-Identifier: Apache-2.0
// A program of ours as an awkward caller starts it: with streams, signals, limits and descriptors of the
// test's choice.
#pragma once

#include <sys/types.h>

#include <functional>
#include <string>
#include <vector>

#include "base/pipe.hpp"
#include "base/unique_fd.hpp"

namespace samepage::system_test {

/// What is done in the child before exec: system calls only.
using Surroundings = std::function<void()>;

class Process {
 public:
  /// `out` and `err` (-1: /dev/null) stay the caller's.
  Process(
      const std::vector<std::string>& command, int out, int err, const Surroundings& surroundings = [] {});
  /// Kills it if it still runs.
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  [[nodiscard]] pid_t pid() const { return pid_; }
  void signal(int number) const;
  /// Waits for its end. Returns its exit code, or 128 + signal.
  int wait();

 private:
  std::string command_;
  pid_t pid_ = -1;
};

/// A raw terminal: what is written to `writing` is to be read from `reading`.
Pipe make_terminal();
/// Writes until it takes no more. Its flags are as before afterwards.
void fill_up(int fd);
/// All there is, to its end.
std::string read_to_end(int fd);

}  // namespace samepage::system_test
