// SPDX-License-Identifier: Apache-2.0
// What part of the time tasks waited for memory, from a counter that only grows (the "total" of a pressure
// file: Documentation/accounting/psi.rst). Pure: time and counter are told.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>

namespace samepage {

class StallShare {
 public:
  using Clock = std::chrono::steady_clock;
  /// A shorter time tells nothing: the kernel adds up every two seconds where tasks sleep.
  static constexpr std::chrono::milliseconds window{1000};

  /// The counter of the pressure file number `source`, in microseconds, at `now`; empty where there is none.
  /// Returns the share of the last whole window, from 0 to 1.
  double told(std::uint64_t source, std::optional<std::uint64_t> stalled_us, Clock::time_point now) {
    if (!stalled_us) {
      before_.reset();
      return share_ = 0;
    }
    const bool other = !before_ || before_->source != source || *stalled_us < before_->stalled_us;
    if (other) share_ = 0;
    if (!other && now - before_->at < window) return share_;
    if (!other) {
      const std::chrono::duration<double, std::micro> passed = now - before_->at;
      share_ = std::min(static_cast<double>(*stalled_us - before_->stalled_us) / passed.count(), 1.0);
    }
    before_ = Reading{source, *stalled_us, now};
    return share_;
  }

  /// Something was done about it: it counts as none until the next window has passed.
  void acted() { share_ = 0; }

 private:
  struct Reading {
    std::uint64_t source = 0;
    std::uint64_t stalled_us = 0;
    Clock::time_point at;
  };
  std::optional<Reading> before_;
  double share_ = 0;
};

}  // namespace samepage
