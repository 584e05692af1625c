// SPDX-License-Identifier: Apache-2.0
// Writing to a stream that other processes share and that may be read slowly or never: standard output,
// standard error, a guest's console. No write blocks, whatever kind of file it is. The flags of the caller's
// descriptor stay as they are, because other processes share them.
#pragma once

#include <cstddef>
#include <string_view>

#include "base/unique_fd.hpp"

namespace samepage {

class Outlet {
 public:
  /// `fd` stays the caller's.
  explicit Outlet(int fd);

  /// To poll for POLLOUT.
  [[nodiscard]] int fd() const { return own_ ? own_.get() : fd_; }

  /// The result of a write: 0 bytes and no error when there is no room at the moment.
  struct Written {
    std::size_t bytes = 0;
    int error = 0;  // errno
  };
  /// Writes as much as there is room for now: at least one byte where there is any room.
  [[nodiscard]] Written write_some(std::string_view text) const;

 private:
  int fd_;
  UniqueFd own_;       // the same file, opened once more and not blocking
  std::size_t piece_;  // what a single write takes without blocking once there is room
};

/// The result of writing all of a text.
struct Delivery {
  std::size_t left = 0;  // bytes that were not written
  int error = 0;         // why; 0 with bytes left: given up, see below
};

/// Writes all of `text` and waits for room while there is none. Gives up when `stop` (-1: none) becomes
/// readable, or when there was no room for `patience_ms` (-1: for ever).
Delivery write_all(const Outlet& outlet, std::string_view text, int stop = -1, int patience_ms = -1);

}  // namespace samepage
