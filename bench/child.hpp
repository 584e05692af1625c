// SPDX-License-Identifier: Apache-2.0
// A child process that ends with its owner, however the owner ends.
#pragma once

#include <sys/types.h>

#include <functional>
#include <utility>

namespace samepage::bench {

class Child {
 public:
  Child() = default;
  /// Forks. The child runs `body` and ends. Signals of the terminal do not reach it, and it is killed when
  /// its parent dies.
  static Child run(const std::function<void()>& body);
  Child(Child&& other) noexcept : pid_(std::exchange(other.pid_, 0)) {}
  Child& operator=(Child&& other) noexcept {
    std::swap(pid_, other.pid_);
    return *this;
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  /// Kills the child and waits for its end.
  ~Child();

  [[nodiscard]] pid_t pid() const { return pid_; }

 private:
  explicit Child(pid_t pid) : pid_(pid) {}
  pid_t pid_ = 0;
};

}  // namespace samepage::bench
