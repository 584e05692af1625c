// SPDX-License-Identifier: Apache-2.0
// SIGINT, SIGTERM and SIGHUP as something to poll. Made before any thread exists, so that all threads have
// them blocked and only the poll loop sees them. What the caller had us ignore stays ignored.
#pragma once

#include <csignal>

#include "base/unique_fd.hpp"

namespace samepage::vmm {

/// Blocks the three signals for its life and gives them out through a descriptor.
class StopSignals {
 public:
  StopSignals();
  ~StopSignals();
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;

  /// Readable when a signal waits.
  [[nodiscard]] int fd() const { return fd_.get(); }
  /// The next waiting signal's number, 0 when none waits.
  [[nodiscard]] int take() const;

  /// The mask as it was: for children, between fork and exec.
  [[nodiscard]] const sigset_t& former_mask() const { return former_; }

 private:
  sigset_t former_{};
  UniqueFd fd_;
};

}  // namespace samepage::vmm
