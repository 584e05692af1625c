// SPDX-License-Identifier: Apache-2.0
// A child process that confines itself as a program does, for tests: what it may do shows in how it ends.
#pragma once

#include <poll.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstring>
#include <functional>
#include <string>
#include <thread>

#include "base/check.hpp"
#include "base/confinement.hpp"
#include "base/pipe.hpp"
#include "base/poll_timeout.hpp"
#include "tests/base/forked_child.hpp"
#include "tests/base/wait_until.hpp"

namespace samepage {

struct Ended {
  int code = -1;  // exit code, or 128 + signal
  std::string said;
};

constexpr int code_of_forbidden = 125;

/// Runs `act` in a child; what it returns is the exit code.
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
  while (wait_to_read(pipe.reading.get(), "what a confined process says")) {
    const ssize_t got = ::read(pipe.reading.get(), part.data(), part.size());
    if (got <= 0) break;
    ended.said.append(part.data(), static_cast<std::size_t>(got));
  }
  ended.code = code_of(status_of_child(child, "a confined process"));
  return ended;
}

/// What ends the child after a forbidden call: says which.
inline std::function<int(const ForbiddenCall&)> say_it(int said) {
  return [said](const ForbiddenCall& call) {
    const std::string text = text_of(call);
    return ::write(said, text.data(), text.size()) > 0 ? code_of_forbidden : 98;
  };
}

/// In a child that is confined: does `act` in a thread of this kind and returns 0, or ends for what it did.
inline int act_as(ThreadKind kind, ThreadKind main, const std::function<void()>& act) {
  if (kind == main) {
    act();
    return 0;
  }
  std::atomic<bool> done = false;
  std::thread thread([&] {
    confine_thread(kind);
    act();
    done = true;
  });
  while (!done) {
    pollfd waits{forbidden_call_fd(), POLLIN, 0};
    ::poll(&waits, 1, 10);
    if (waits.revents != 0) end_after_forbidden_call();
  }
  thread.join();
  return 0;
}

}  // namespace samepage
