// SPDX-License-Identifier: Apache-2.0
// A small process beside a guest's, which opens for it what is needed while the guest runs: the guest's own
// process may not. The kernel holds a thread that asks for a file until the opener has answered
// (seccomp_unotify(2)), so the code that asks does not know of it. The opener looks at a copy of the path,
// does what its policy says with that copy, and hands the descriptor over. It also starts the daemon.
//
// It ends with its guest's process. Without it nothing can be opened any more, and the guest runs on.
#pragma once

#include <sys/types.h>

#include <functional>

#include "base/unique_fd.hpp"
#include "vmm/process/opener_policy.hpp"

namespace samepage::vmm {

class Opener {
 public:
  /// Starts the process. Only while there is one thread and no guest memory. `start_daemon` is called in the
  /// opener. Throws std::system_error.
  Opener(OpenerPolicy policy, const std::function<void()>& start_daemon);
  /// Ends it, and waits for that.
  ~Opener();
  Opener(const Opener&) = delete;
  Opener& operator=(const Opener&) = delete;

  /// Whether it can read what it is asked: some hosts let no process look into another one
  /// (kernel.yama.ptrace_scope).
  [[nodiscard]] bool can_answer();
  /// Hands over who asks: from now on it answers.
  void serve(UniqueFd listener);
  /// Asks it to start a daemon; does not wait. Any thread.
  void start_daemon() const;

 private:
  UniqueFd socket_;
  pid_t pid_ = -1;
};

/// What the process does; `socket` leads to the guest's.
[[noreturn]] void run_opener(const OpenerPolicy& policy, int socket,
                             const std::function<void()>& start_daemon);

}  // namespace samepage::vmm
