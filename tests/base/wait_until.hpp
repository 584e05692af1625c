// SPDX-License-Identifier: Apache-2.0
// For what a thread of the code under test does by itself.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <thread>

namespace samepage {

/// Fails the test when it does not hold within `patience`.
inline void wait_until(const std::function<bool()>& holds,
                       std::chrono::seconds patience = std::chrono::seconds(60)) {
  const auto end = std::chrono::steady_clock::now() + patience;
  while (!holds()) {
    ASSERT_LT(std::chrono::steady_clock::now(), end);
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
}

}  // namespace samepage
