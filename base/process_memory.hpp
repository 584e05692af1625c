// SPDX-License-Identifier: Apache-2.0
// What the kernel says of memory: of a process (/proc/PID/smaps_rollup, status, maps) and of the host
// (/proc/meminfo). All sizes in bytes. Our own figures are checked against these.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace samepage {

/// A process's memory as /proc/PID/smaps_rollup and /proc/PID/status give it.
struct ProcessMemory {
  std::uint64_t pss = 0;       // its share of all that it has mapped
  std::uint64_t pss_anon = 0;  // its share of anonymous pages: what goes when the process goes
  std::uint64_t swap_pss = 0;  // its share of anonymous pages that are in the host's swap
  std::uint64_t private_dirty = 0;
  std::uint64_t rss = 0;
  std::uint64_t page_tables = 0;  // VmPTE

  /// What the process has to itself, in memory or swapped out.
  [[nodiscard]] std::uint64_t anonymous() const { return pss_anon + swap_pss; }
};

/// Empty when the process is gone or may not be looked at.
std::optional<ProcessMemory> memory_of(pid_t pid);
/// The same of this process.
ProcessMemory own_memory();

/// One line of /proc/self/maps.
struct MappedRange {
  std::uint64_t start = 0;
  std::uint64_t end = 0;
  std::uint64_t offset = 0;  // in the file
  std::uint64_t inode = 0;   // 0 for anonymous memory
  std::uint64_t device = 0;  // of the inode: st_dev
};

/// The mappings of this process that lie in [start, end), in order of address, cut to it.
std::vector<MappedRange> mappings_in(std::uint64_t start, std::uint64_t end);

/// A field of /proc/meminfo ("MemTotal", "MemAvailable"), in bytes; 0 when the kernel does not have it.
std::uint64_t host_memory(std::string_view field);

/// The host's limit of mappings a process, /proc/sys/vm/max_map_count.
std::size_t max_map_count();

}  // namespace samepage
