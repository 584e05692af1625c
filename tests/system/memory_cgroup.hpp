// SPDX-License-Identifier: Apache-2.0
// A memory cgroup with a limit, without swap unless it is asked for. Root only.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/limited_memory.hpp"
#include "tests/system/process.hpp"

namespace samepage::system_test {

class MemoryCgroup {
 public:
  using Swap = LimitedMemory::Swap;
  MemoryCgroup(const std::string& name, std::uint64_t limit, Swap swap = Swap::forbidden);

  /// Why there is none; empty when there is.
  [[nodiscard]] const std::string& problem() const { return problem_; }
  /// A process that does this is in it, and so are its children.
  [[nodiscard]] Surroundings joining() const;
  void squeeze(std::uint64_t bytes) const { cgroup_.value().squeeze(bytes); }
  void set_limit(std::uint64_t bytes) { cgroup_.value().set_limit(bytes); }
  /// Processes that the kernel has killed in it for want of memory.
  [[nodiscard]] std::uint64_t killed() const { return cgroup_.value().killed(); }

 private:
  std::optional<LimitedMemory> cgroup_;
  std::string problem_;
};

}  // namespace samepage::system_test
