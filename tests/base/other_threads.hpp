// SPDX-License-Identifier: Apache-2.0
// Waits for what a thread can't tell itself: that it sleeps in the kernel.
#pragma once

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <thread>

namespace samepage::test {

/// Whether all threads of this process but the calling one sleep. A thread that is gone does not count.
inline bool other_threads_sleep() {
  const std::filesystem::directory_iterator tasks("/proc/self/task");
  return std::all_of(begin(tasks), end(tasks), [](const auto& task) {
    if (task.path().filename() == std::to_string(::gettid())) return true;
    std::ifstream file(task.path() / "stat");
    const std::string stat{std::istreambuf_iterator<char>(file), {}};
    return stat.empty() || stat.find(") S ") != std::string::npos;
  });
}

/// Waits until they do. False when they still don't after 20 s.
[[nodiscard]] inline bool wait_until_other_threads_sleep() {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (!other_threads_sleep()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::yield();
  }
  return true;
}

}  // namespace samepage::test
