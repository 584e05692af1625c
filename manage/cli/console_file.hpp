// SPDX-License-Identifier: Apache-2.0
// The file of --console. What is in it stays until the guest starts (vmm::ConsoleContent::emptied), and a
// file that was made for a guest that does not start goes again.
#pragma once

#include <string>

#include "base/unique_fd.hpp"
#include "vmm/control/stop_signals.hpp"

namespace samepage::cli {

class ConsoleFile {
 public:
  /// There is none.
  ConsoleFile() = default;
  /// Waits for the reader of a FIFO; where stop signals are blocked, `signals` are those that end the wait
  /// with Interrupted. Throws std::system_error.
  explicit ConsoleFile(std::string path, const vmm::StopSignals* signals = nullptr);
  ~ConsoleFile();
  ConsoleFile(const ConsoleFile&) = delete;
  ConsoleFile& operator=(const ConsoleFile&) = delete;

  explicit operator bool() const { return static_cast<bool>(fd_); }
  /// -1: there is none.
  [[nodiscard]] int fd() const { return fd_.get(); }
  /// The guest runs.
  void keep() { made_.clear(); }

 private:
  std::string made_;  // the path of a file that was not there before
  UniqueFd fd_;
};

}  // namespace samepage::cli
