// SPDX-License-Identifier: Apache-2.0
#include "vmm/opener/daemon_start.hpp"

#include <fcntl.h>
#include <sched.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdint>

#include "vmm/opener/kernel.hpp"
#include "vmm/opener/path_text.hpp"

namespace samepage::vmm {
namespace {

using kernel::call;
using kernel::Fd;

// The directory's lock: see take_turn() of dedup/daemon_start.
Fd take_turn(std::string_view socket) {
  while (!socket.empty() && !socket.ends_with('/')) socket.remove_suffix(1);
  Fd directory(call(SYS_open, PathText(socket).c_str(), O_RDONLY | O_DIRECTORY | O_NONBLOCK | O_CLOEXEC, 0));
  if (directory && call(SYS_flock, directory.number(), LOCK_EX | LOCK_NB) == 0) return directory;
  return Fd{};
}

// DaemonLock::is_held().
bool there_is_one(std::string_view socket) {
  const PathText path = PathText(socket).add(".lock");
  const Fd lock(call(SYS_open, path.c_str(), O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC, 0));
  return lock && call(SYS_flock, lock.number(), LOCK_SH | LOCK_NB) == -EWOULDBLOCK;
}

}  // namespace

void DaemonStart::start() const {
  if (socket_.empty()) return;
  const Fd turn = take_turn(socket_);
  if (!turn || there_is_one(socket_)) return;
  const long child = call(SYS_fork);
  if (child == 0) {
    // Nothing of the guest's process goes with it; signals are as they are by default.
    call(SYS_dup2, STDIN_FILENO, STDERR_FILENO);
    call(SYS_close_range, STDERR_FILENO + 1, ~0U, 0);
    const std::uint64_t no_signals = 0;
    call(SYS_rt_sigprocmask, SIG_SETMASK, &no_signals, nullptr, sizeof(no_signals));
    call(SYS_execve, words_[0], words_, environment_);
    for (;;) call(SYS_exit_group, 1);
  }
  while (call(SYS_wait4, child, nullptr, 0, nullptr) == -EINTR) {
  }
}

}  // namespace samepage::vmm
