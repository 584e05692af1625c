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
  [[nodiscard]] MemoryRoom read();
  /// How much the kernel can still swap out for this process's sake, in bytes.
  [[nodiscard]] std::uint64_t swap_room();

 private:
  struct Mount {
    int version = 0;
    std::string root;  // of the hierarchy: the cgroup that is seen at `point`
    std::string point;
  };

  struct Folder {
    int version = 0;
    std::string path;
    std::uint64_t place = 0;  // MemoryRoom's
  };
  struct Found {
    std::vector<Folder> folders;
    bool in_vain = false;  // one that must be there could not be opened: to be looked for again
  };

  void find_folders_of(int version, const std::string& cgroup, Found& found) const;
  /// Of all cgroups that account for this process's memory. Found once for each cgroup that the process moves
  /// to: a confined one has to ask for each folder that it opens, and waits for that as long as others use
  /// the processors.
  [[nodiscard]] const std::vector<Folder>& folders();

  std::string proc_;
  std::vector<Mount> mounts_;
  std::string cgroups_;  // as /proc says, when the next were found
  Found found_;
};

}  // namespace samepage
