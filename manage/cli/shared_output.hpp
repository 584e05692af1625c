// SPDX-License-Identifier: Apache-2.0
// Standard output for what several guests print at the same time: what it does not take at once is kept, up
// to a limit, and the caller reads no more from the guests meanwhile. Nothing here waits.
#pragma once

#include <poll.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "base/outlet.hpp"

namespace samepage::cli {

class SharedOutput {
 public:
  /// `fd` stays the caller's.
  explicit SharedOutput(int fd) : outlet_(fd) {}

  /// Whether it takes more; where writing has failed it takes all, and drops it.
  [[nodiscard]] bool has_room() const { return pending_.size() < most_pending; }
  [[nodiscard]] bool empty() const { return pending_.empty(); }
  [[nodiscard]] std::size_t size() const { return pending_.size(); }
  void put(std::string_view text);
  /// What to poll for: room for what is kept, or the loss of the reader.
  [[nodiscard]] pollfd wait() const;
  /// Writes what there is room for now.
  void flush();

  /// The first errno of a write that failed; 0: none has.
  [[nodiscard]] int error() const { return error_; }
  /// Bytes that were dropped since.
  [[nodiscard]] std::uint64_t lost() const { return lost_; }

 private:
  static constexpr std::size_t most_pending = std::size_t{64} << 10;

  Outlet outlet_;
  std::string pending_;
  int error_ = 0;
  std::uint64_t lost_ = 0;
};

}  // namespace samepage::cli
