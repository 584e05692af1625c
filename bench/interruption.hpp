// SPDX-License-Identifier: Apache-2.0
// SIGINT, SIGTERM and SIGHUP as an exception, thrown where the bench waits, so that everything is cleaned up
// in order, child processes too.
#pragma once

#include <chrono>
#include <stdexcept>

namespace samepage::bench {

class Interrupted : public std::runtime_error {
 public:
  explicit Interrupted(int signal) : std::runtime_error("interrupted"), signal_(signal) {}
  [[nodiscard]] int signal() const { return signal_; }

 private:
  int signal_;
};

/// From here on those of the three signals that are not ignored are noted.
void note_interruptions();
/// Waits that long; throws Interrupted as soon as a signal has come.
void pause_for(std::chrono::nanoseconds time);

}  // namespace samepage::bench
