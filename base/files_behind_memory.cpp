// SPDX-License-Identifier: Apache-2.0
#include "base/files_behind_memory.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <mutex>

namespace samepage {
namespace {

// Names are only added behind those that are there: whoever reads sees whole ones.
std::array<char, 4096> names;
std::atomic<std::size_t> length = 0;
std::mutex lock;  // of those who add

bool is_there(std::string_view path) {
  std::string_view rest = files_behind_memory();
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find(", "), rest.size());
    if (rest.substr(0, end) == path) return true;
    rest.remove_prefix(std::min(end + 2, rest.size()));
  }
  return false;
}

}  // namespace

void note_file_behind_memory(const std::string& path) {
  const std::lock_guard guard(lock);
  const std::size_t used = length;
  const std::string text = (used == 0 ? "" : ", ") + path;
  if (path.empty() || is_there(path) || used + text.size() > names.size()) return;
  std::memcpy(names.data() + used, text.data(), text.size());
  length.store(used + text.size(), std::memory_order_release);
}

std::string_view files_behind_memory() {
  return {names.data(), length.load(std::memory_order_acquire)};
}

}  // namespace samepage
