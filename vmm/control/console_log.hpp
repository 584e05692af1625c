// SPDX-License-Identifier: Apache-2.0
// A guest's console: what it prints goes to a file descriptor, and the end of it is kept for `samepage logs`.
// Written by vCPU threads, read by the control socket.
#pragma once

#include <array>
#include <cstddef>
#include <mutex>
#include <string>
#include <string_view>

#include "base/unique_fd.hpp"

namespace samepage::vmm {

/// Safe from any thread.
class ConsoleLog {
 public:
  static constexpr std::size_t kept = std::size_t{16} << 10;

  /// `output` is where the console goes besides, -1 for nowhere; it stays the caller's.
  explicit ConsoleLog(int output);

  /// Blocks while the output does not take the text, until close_output().
  void write(std::string_view text);
  /// Ends writes that wait; from now on text is only kept.
  void close_output();
  /// The last bytes that the guest printed.
  [[nodiscard]] std::string tail() const;

 private:
  void keep(std::string_view text);
  void put_out(std::string_view text) const;

  const int output_;
  UniqueFd closed_;  // an eventfd: readable once the output is closed
  mutable std::mutex mutex_;
  std::array<char, kept> ring_{};
  std::size_t total_ = 0;  // bytes ever written; total_ % kept is where the next one goes
};

}  // namespace samepage::vmm
