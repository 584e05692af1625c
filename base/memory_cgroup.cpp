// SPDX-License-Identifier: Apache-2.0
#include "base/memory_cgroup.hpp"

#include <algorithm>

namespace samepage {
namespace {

// Takes what stands before `end` off the text, and `end` too.
std::string_view take_until(std::string_view& text, char end) {
  const std::size_t length = std::min(text.find(end), text.size());
  const std::string_view front = text.substr(0, length);
  text.remove_prefix(std::min(length + 1, text.size()));
  return front;
}

}  // namespace

bool has_word(std::string_view list, std::string_view word) {
  while (!list.empty()) {
    if (take_until(list, ',') == word) return true;
  }
  return false;
}

std::vector<MemoryCgroup> memory_cgroups(std::string_view text) {
  std::vector<MemoryCgroup> groups;
  while (!text.empty()) {
    const std::string_view line = take_until(text, '\n');
    const std::size_t first = line.find(':');
    const std::size_t second = line.find(':', first + 1);
    if (first == std::string_view::npos || second == std::string_view::npos) continue;
    const std::string_view controllers = line.substr(first + 1, second - first - 1);
    if (controllers.empty()) {
      groups.push_back({2, line.substr(second + 1)});
    } else if (has_word(controllers, "memory")) {
      groups.push_back({1, line.substr(second + 1)});
    }
  }
  return groups;
}

}  // namespace samepage
