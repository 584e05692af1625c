// SPDX-License-Identifier: Apache-2.0
// A small process beside a guest's, which opens for it what is needed while the guest runs: the guest's own
// process may not. The kernel holds a thread that asks for a file until the opener has answered
// (seccomp_unotify(2)), so the code that asks does not know of it. The opener looks at a copy of the path,
// does what its policy (vmm/opener) says with that copy, and hands the descriptor over. It also starts the
// daemon.
//
// It is a program of its own: it takes a twentieth of what a fork of a guest's process takes in memory, and a
// fifth in time. It ends with its guest's process. Without it nothing can be opened any more, and the guest
// runs on.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "base/unique_fd.hpp"
#include "vmm/process/opener_message.hpp"

namespace samepage::vmm {

/// What an opener is told: see OpenerPolicy.
struct OpenerSetup {
  std::string name;
  std::string runtime;
  std::string resolved_runtime;
  std::string log;
  std::string temporary;  // $TMPDIR, or nothing
  /// The daemon's socket, its program and arguments; empty where none may be started.
  std::string daemon_socket;
  std::vector<std::string> daemon_command;
};

class Opener {
 public:
  /// Starts the process, for the calling one. Throws UserError, std::system_error.
  explicit Opener(const OpenerSetup& setup);
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
  void say(OpenerMessage::What what, int descriptor = -1) const;

  UniqueFd socket_;
  pid_t pid_ = -1;
};

}  // namespace samepage::vmm
