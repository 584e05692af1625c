// SPDX-License-Identifier: Apache-2.0
// A guest that works: a thread that rewrites the pages of its working set one after the other, as fast as it
// can, and counts them. It reads nothing that could be shared: merged memory is faster to read because more
// of it fits the caches, and that gain would hide the cost of merging.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <span>
#include <thread>

#include "bench/gate.hpp"

namespace samepage::bench {

class Churn {
 public:
  /// Starts the thread. It writes every `spacing`-th page of `memory`. Both outlive this.
  Churn(Gate& gate, std::span<std::byte> memory, std::size_t spacing);
  ~Churn();
  Churn(const Churn&) = delete;
  Churn& operator=(const Churn&) = delete;

  /// Pages written so far.
  [[nodiscard]] std::uint64_t work_done() const { return done_; }
  /// What the thread has used of a processor so far.
  [[nodiscard]] std::chrono::nanoseconds cpu_time();

 private:
  void run();

  Gate& gate_;
  std::span<std::byte> memory_;
  std::size_t spacing_;
  std::atomic<bool> stop_{false};
  std::atomic<std::uint64_t> done_{0};
  std::thread thread_;
};

}  // namespace samepage::bench
