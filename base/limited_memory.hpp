// SPDX-License-Identifier: Apache-2.0
// A memory cgroup with a limit, of version 1 or 2, for tests and benchmarks. Root only.
#pragma once

#include <cstdint>
#include <string>

namespace samepage {

class LimitedMemory {
 public:
  enum class Swap : std::uint8_t {
    forbidden,
    allowed,    // as the host has set it
    preferred,  // to dropping page cache, where that can be said
  };
  /// Throws UserError that says why there can be none.
  LimitedMemory(const std::string& name, std::uint64_t bytes, Swap swap);
  /// Waits up to half a minute for the last process in it. Who still is in it then keeps it.
  ~LimitedMemory();
  LimitedMemory(const LimitedMemory&) = delete;
  LimitedMemory& operator=(const LimitedMemory&) = delete;

  /// The folder of the hierarchy that it is in, and its version.
  [[nodiscard]] const std::string& hierarchy() const { return hierarchy_; }
  [[nodiscard]] int version() const { return version_; }
  /// The file through which a process joins it, by writing "0".
  [[nodiscard]] std::string members() const { return folder_ + "/cgroup.procs"; }
  /// Has the kernel push out what its processes have over `bytes`, as far as it can, and lets them have it
  /// again when they need it. Nobody is killed for it, as somebody may be where a limit stays: a kernel that
  /// is to find pages while all of them are in use gives up sooner than it has to.
  void squeeze(std::uint64_t bytes) const;
  /// From now on it is this. Throws UserError where the kernel refuses it.
  void set_limit(std::uint64_t bytes);
  /// Processes that the kernel has killed in it for want of memory.
  [[nodiscard]] std::uint64_t killed() const;

 private:
  [[nodiscard]] bool make() const;
  void set_swap(Swap swap) const;

  std::string hierarchy_;
  std::string folder_;
  std::string limit_file_;
  std::uint64_t limit_;  // bytes
  int version_ = 0;
};

}  // namespace samepage
