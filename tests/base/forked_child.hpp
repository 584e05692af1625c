// SPDX-License-Identifier: Apache-2.0
// Children of a test that go on by themselves. They have the test's output open: one that outlives the test,
// however that ended, has whoever runs it wait for the end of the output. So all of them go with the thread
// that made them.
#pragma once

#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <exception>
#include <functional>
#include <string>
#include <utility>

#include "base/check.hpp"
#include "base/exit_by_signal.hpp"
#include "base/pipe.hpp"
#include "base/unique_fd.hpp"
#include "tests/base/wait_until.hpp"

namespace samepage {

/// In a child: it is killed when the thread that made it ends. To be said again after it became another user.
inline void die_with_parent() {
  check(::prctl(PR_SET_PDEATHSIG, SIGKILL), "prctl");
}

/// fork(2): the child dies with the thread that made it. Throws std::system_error.
inline pid_t fork_with_parent() {
  std::fflush(nullptr);
  const pid_t parent = ::getpid();
  const pid_t child = check(::fork(), "fork");
  if (child != 0) return child;
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(1);  // it died before
  return child;
}

/// Reaps a child when it has ended, and returns its status as waitpid(2) has it. One that does not end fails
/// the test and is killed. `what`: whose end is waited for.
inline int status_of_child(pid_t child, const std::string& what) {
  const UniqueFd process = checked_fd(static_cast<int>(::syscall(SYS_pidfd_open, child, 0)), "pidfd_open");
  if (!wait_to_read(process.get(), "the end of " + what)) ::kill(child, SIGKILL);
  int status = 0;
  check(::waitpid(child, &status, 0), "waitpid");
  return status;
}

struct Ended {
  int code = -1;  // exit code, or 128 + signal
  std::string said;
};

/// Runs `act` in a child to its end; what it returns is the exit code, and 99 stands for an exception. What
/// is written to `said` comes back.
inline Ended in_child(const std::function<int(int said)>& act) {
  Pipe pipe = make_pipe();
  const pid_t child = fork_with_parent();
  if (child == 0) {
    pipe.reading.reset();
    try {
      ::_exit(act(pipe.writing.get()));
    } catch (const std::exception& error) {
      [[maybe_unused]] const ssize_t written =
          ::write(pipe.writing.get(), error.what(), std::strlen(error.what()));
      ::_exit(99);
    }
  }
  pipe.writing.reset();
  Ended ended;
  std::array<char, 512> part{};
  while (wait_to_read(pipe.reading.get(), "what a child says, or its end")) {
    const ssize_t got = ::read(pipe.reading.get(), part.data(), part.size());
    if (got <= 0) break;
    ended.said.append(part.data(), static_cast<std::size_t>(got));
  }
  ended.code = exit_code_of(status_of_child(child, "a child"));
  return ended;
}

/// A child that goes on beside the test, and goes with this value.
class Child {
 public:
  Child() = default;
  ~Child() { kill(); }
  Child(Child&& other) noexcept : pid_(std::exchange(other.pid_, -1)), status_(other.status_) {}
  Child& operator=(Child&& other) noexcept {
    kill();
    pid_ = std::exchange(other.pid_, -1);
    status_ = other.status_;
    return *this;
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  /// Has `act` run in a new process, whose exit code is 0, or 1 after an exception.
  template <typename Act>
  static Child start(Act act) {
    Child child;
    child.pid_ = fork_with_parent();
    if (child.pid_ != 0) return child;
    try {
      act();
    } catch (const std::exception& error) {
      std::fprintf(stderr, "a process of the test: %s\n", error.what());
      std::fflush(nullptr);
      ::_exit(1);
    }
    std::fflush(nullptr);
    ::_exit(0);
  }

  /// -1 when it has ended.
  [[nodiscard]] pid_t pid() const { return pid_; }
  /// Whether it has ended.
  [[nodiscard]] bool ended() {
    if (pid_ > 0 && ::waitpid(pid_, &status_, WNOHANG) == pid_) pid_ = -1;
    return pid_ <= 0;
  }
  /// Waits for its end.
  void wait(const std::string& what) {
    if (pid_ > 0) status_ = status_of_child(std::exchange(pid_, -1), what);
  }
  void kill() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(std::exchange(pid_, -1), &status_, 0);
  }
  /// Whether SIGKILL has ended it.
  [[nodiscard]] bool was_killed() const { return WIFSIGNALED(status_) && WTERMSIG(status_) == SIGKILL; }

 private:
  pid_t pid_ = -1;
  int status_ = 0;
};

}  // namespace samepage
