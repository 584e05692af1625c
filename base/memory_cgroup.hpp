// SPDX-License-Identifier: Apache-2.0
// Which control groups account for a process's memory, by what /proc/PID/cgroup says. Pure.
#pragma once

#include <string_view>
#include <vector>

namespace samepage {

/// A view of the text that it was read from.
struct MemoryCgroup {
  int version = 0;        // of control groups, 1 or 2
  std::string_view path;  // within its hierarchy, such as "/a/b"
};

/// In the order of their lines: "4:cpu,memory:/a/b", or "0::/a/b" of version 2.
[[nodiscard]] std::vector<MemoryCgroup> memory_cgroups(std::string_view text);

/// Whether `word` is one of those that commas separate.
[[nodiscard]] bool has_word(std::string_view list, std::string_view word);

}  // namespace samepage
