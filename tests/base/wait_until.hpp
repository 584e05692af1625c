// SPDX-License-Identifier: Apache-2.0
// The waits of tests. Each says what it waits for, and fails its test when that does not come.
#pragma once

#include <gtest/gtest.h>
#include <poll.h>

#include <chrono>
#include <functional>
#include <future>
#include <stdexcept>
#include <string>
#include <thread>

namespace samepage {

/// For what hangs, however busy the host is: an emulated host that others keep busy takes minutes. Less than
/// CTest gives a test, so that the test says what did not come.
inline constexpr std::chrono::minutes longest_wait{4};

inline std::string waited_in_vain(const std::string& what) {
  return "waited " + std::to_string(longest_wait.count()) + " minutes " + what + ", in vain";
}

/// Until `holds`, or the test has failed.
inline void wait_until(const std::string& what, const std::function<bool()>& holds) {
  SCOPED_TRACE("waiting until " + what);
  const auto end = std::chrono::steady_clock::now() + longest_wait;
  while (!holds()) {
    if (testing::Test::HasFailure()) FAIL() << "while waiting until " << what;
    if (std::chrono::steady_clock::now() > end) FAIL() << waited_in_vain("until " + what);
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
}

/// The same where the test makes it come: takes one step after the other until `holds`.
inline void step_until(const std::string& what, const std::function<void()>& step,
                       const std::function<bool()>& holds) {
  const auto end = std::chrono::steady_clock::now() + longest_wait;
  for (; !holds(); step()) {
    if (std::chrono::steady_clock::now() > end) FAIL() << waited_in_vain("until " + what);
  }
}

/// Until there is something to read from `fd`, its end or an error among it. False when nothing comes.
[[nodiscard]] inline bool wait_to_read(int fd, const std::string& what) {
  pollfd waiting{fd, POLLIN, 0};
  const auto most = std::chrono::milliseconds(longest_wait).count();
  if (::poll(&waiting, 1, static_cast<int>(most)) > 0) return true;
  ADD_FAILURE() << waited_in_vain("for " + what);
  return false;
}

/// Until another thread keeps its promise. Throws when it does not: what comes next would be wrong.
inline void wait_for(std::promise<void>& promise, const std::string& what) {
  if (promise.get_future().wait_for(longest_wait) == std::future_status::ready) return;
  ADD_FAILURE() << waited_in_vain("for " + what);
  throw std::runtime_error("a promise was not kept");
}

}  // namespace samepage
