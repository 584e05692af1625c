// SPDX-License-Identifier: Apache-2.0
// A memory cgroup with a limit for guests that the bench starts, of version 1 or 2. Root only.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

namespace samepage::bench {

enum class Swap : std::uint8_t { forbidden, allowed };

class LimitedMemory {
 public:
  /// Throws UserError that says why there can be none.
  LimitedMemory(std::uint64_t bytes, Swap swap);
  /// Waits for the last process in it.
  ~LimitedMemory();
  LimitedMemory(const LimitedMemory&) = delete;
  LimitedMemory& operator=(const LimitedMemory&) = delete;

  /// This process is in it while `act` runs, and what that starts stays in it.
  void inside(const std::function<void()>& act) const;
  /// Processes that the kernel has killed in it for want of memory.
  [[nodiscard]] std::uint64_t killed() const;

 private:
  std::string hierarchy_;
  std::string folder_;
  bool second_version_ = false;
};

}  // namespace samepage::bench
