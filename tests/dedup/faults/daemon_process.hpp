// SPDX-License-Identifier: Apache-2.0
// A daemon in a process of its own, which a fault may kill at any step.
#pragma once

#include <sys/types.h>

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "base/unique_fd.hpp"
#include "tests/base/forked_child.hpp"

namespace samepage::dedup {

/// A child of this process that a fault may kill. It goes with this process, and with this value.
class Child {
 public:
  Child() = default;
  explicit Child(pid_t pid) : pid_(pid) {}
  ~Child() { kill(); }
  Child(Child&& other) noexcept;
  Child& operator=(Child&& other) noexcept;
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  /// Has `act` run in a new process, whose exit code is 0, or 1 after an exception.
  template <typename Act>
  static Child start(Act act);

  /// Whether it has ended.
  [[nodiscard]] bool ended();
  /// Waits for its end for some seconds.
  [[nodiscard]] bool ends();
  /// Whether SIGKILL has ended it.
  [[nodiscard]] bool was_killed() const;
  void kill();

 private:
  [[noreturn]] static void fail(const char* why);

  pid_t pid_ = -1;
  int status_ = 0;
};

class DaemonProcess {
 public:
  /// Serves on `path` when this returns, with these paging files and faults armed.
  DaemonProcess(std::string path, const std::vector<std::string>& paging_files, const std::string& faults);

  [[nodiscard]] Child& process() { return process_; }
  [[nodiscard]] const std::string& path() const { return path_; }
  /// What a command asks it. Null when it is gone.
  [[nodiscard]] nlohmann::json ask(const nlohmann::json& question) const;

 private:
  std::string path_;
  Child process_;
};

}  // namespace samepage::dedup

#include <exception>

namespace samepage::dedup {

template <typename Act>
Child Child::start(Act act) {
  const pid_t pid = fork_with_parent();
  if (pid != 0) return Child(pid);
  try {
    act();
  } catch (const std::exception& error) {
    fail(error.what());
  }
  fail(nullptr);
}

}  // namespace samepage::dedup
