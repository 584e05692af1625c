// SPDX-License-Identifier: Apache-2.0
// A memory cgroup with a limit, of version 1 or 2, without swap unless it is asked for. Root only.
#pragma once

#include <cstdint>
#include <string>

#include "tests/system/process.hpp"

namespace samepage::system_test {

class MemoryCgroup {
 public:
  enum class Swap : std::uint8_t { none, host };
  MemoryCgroup(const std::string& name, std::uint64_t limit, Swap swap = Swap::none);
  /// Waits for the last process in it.
  ~MemoryCgroup();
  MemoryCgroup(const MemoryCgroup&) = delete;
  MemoryCgroup& operator=(const MemoryCgroup&) = delete;

  /// Why there is none; empty when there is.
  [[nodiscard]] const std::string& problem() const { return problem_; }
  /// A process that does this is in it, and so are its children.
  [[nodiscard]] Surroundings joining() const;
  /// Processes that the kernel has killed in it for want of memory.
  [[nodiscard]] std::uint64_t killed() const;

 private:
  bool make(const std::string& folder, const std::string& limit_file, std::uint64_t limit);

  std::string folder_;
  bool second_version_ = false;
  std::string problem_;
};

}  // namespace samepage::system_test
