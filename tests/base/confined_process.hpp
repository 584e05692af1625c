// SPDX-License-Identifier: Apache-2.0
// A child process that confines itself as a program does, for tests: what it may do shows in how it ends.
#pragma once

#include <poll.h>
#include <unistd.h>

#include <atomic>
#include <functional>
#include <string>
#include <thread>

#include "base/check.hpp"
#include "base/confinement.hpp"
#include "base/poll_timeout.hpp"
#include "tests/base/forked_child.hpp"

namespace samepage {

constexpr int code_of_forbidden = 125;

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
