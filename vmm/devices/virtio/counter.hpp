// SPDX-License-Identifier: Apache-2.0
// A number that one thread adds to and any thread reads.
#pragma once

#include <atomic>
#include <cstdint>

namespace samepage::vmm {

class Counter {
 public:
  void add(std::uint64_t more) { value_.store(value() + more, std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

}  // namespace samepage::vmm
