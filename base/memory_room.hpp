// SPDX-License-Identifier: Apache-2.0
// How much more memory this process may take before the kernel kills somebody: of the host (MemAvailable) and
// of each memory cgroup that it is in (version 2: memory.max and memory.high; version 1:
// memory.limit_in_bytes; page cache that the kernel can drop counts as room), and how long tasks have waited
// for memory there (/proc/pressure/memory, memory.pressure).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace samepage {

struct MemoryRoom {
  std::uint64_t available = 0;  // bytes
  std::uint64_t limit = 0;      // bytes: of the host or cgroup that has the least room
  std::uint64_t unused = 0;     // bytes of it that not even page cache is in; at most `available`
  /// So long some task has waited for memory there, in microseconds; empty where the kernel does not tell.
  std::optional<std::uint64_t> stalled_us = {};
  std::uint64_t source = 0;  // of that: no two files have the same
  std::uint64_t place = 0;   // the host (0) or cgroup that this is the room of: no two have the same
};

class MemoryRoomReader {
 public:
  /// Finds where memory cgroups are mounted. `proc` and `sys` are /proc and /sys, other folders in tests.
  explicit MemoryRoomReader(std::string proc = "/proc", const std::string& sys = "/sys");
  /// The tightest of all. What can't be read counts as no bound. A process that moves to another cgroup is
  /// followed.
  [[nodiscard]] MemoryRoom read() const;
  /// How much the kernel can still swap out for this process's sake, in bytes.
  [[nodiscard]] std::uint64_t swap_room() const;

 private:
  struct Mount {
    int version = 0;
    std::string root;  // of the hierarchy: the cgroup that is seen at `point`
    std::string point;
  };

  [[nodiscard]] std::vector<std::string> folders_of(int version, const std::string& cgroup) const;
  struct Folder {
    int version = 0;
    std::string path;
  };
  /// Of all cgroups that account for this process's memory.
  [[nodiscard]] std::vector<Folder> folders() const;

  std::string proc_;
  std::vector<Mount> mounts_;
};

}  // namespace samepage
