// SPDX-License-Identifier: Apache-2.0
// Requests that are due at fixed times, whether or not earlier ones were answered. What a request took counts
// from the time at which it was due: a stall makes all requests late that were due meanwhile, and a client
// that waits for each answer would not have sent them. Answers come in the order of the requests. Pure.
#pragma once

#include <chrono>
#include <cstddef>
#include <vector>

namespace samepage::bench {

class OpenLoop {
 public:
  using Time = std::chrono::steady_clock::time_point;

  OpenLoop(Time start, std::chrono::nanoseconds period, std::size_t requests)
      : start_(start), period_(period), requests_(requests) {}

  [[nodiscard]] Time due(std::size_t request) const { return start_ + request * period_; }
  /// How many requests are to be sent at `now` that were not sent before; they count as sent.
  std::size_t take_due(Time now) {
    const std::size_t before = sent_;
    while (sent_ < requests_ && due(sent_) <= now) ++sent_;
    return sent_ - before;
  }
  /// The oldest `count` requests that wait are answered.
  void answered(std::size_t count, Time now) {
    for (; count > 0 && took_.size() < sent_; --count) took_.push_back(now - due(took_.size()));
  }
  [[nodiscard]] bool all_sent() const { return sent_ == requests_; }
  [[nodiscard]] bool all_answered() const { return took_.size() == requests_; }
  [[nodiscard]] Time next_due() const { return due(sent_); }

  /// What each request took, in milliseconds; one that has no answer yet as if it came at `now`.
  [[nodiscard]] std::vector<double> times_ms(Time now) const {
    std::vector<double> times;
    for (std::size_t request = 0; request < sent_; ++request) {
      const auto took = request < took_.size() ? took_[request] : now - due(request);
      times.push_back(std::chrono::duration<double, std::milli>(took).count());
    }
    return times;
  }

 private:
  Time start_;
  std::chrono::nanoseconds period_;
  std::size_t requests_;
  std::size_t sent_ = 0;
  std::vector<std::chrono::nanoseconds> took_;
};

}  // namespace samepage::bench
